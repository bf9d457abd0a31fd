//! The file with the secret key: 64 hexadecimal digits on one line, for its owner alone.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::seal::{KEY_BYTES, Seal};

/// No key file is longer, whatever line ends and spaces are in it.
const FILE_BYTES_MAX: usize = 1_024;

/// Why there is no key to seal and open with; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The database was sealed with a key, and no file is there.
    #[error(
        "the secret key {} is missing, and the database holds what was sealed with it; put the file back, or say \
         where it is with --secret-key-file",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file holds a key, but not the one of this database.
    #[error(
        "{} is not the key that the database was sealed with; put the right file back, or say where it is with \
         --secret-key-file",
        .0.display()
    )]
    Wrong(PathBuf),
    /// The file holds no key.
    #[error("{} holds no key; a key is one line of 64 hexadecimal digits", .0.display())]
    Malformed(PathBuf),
    /// The file cannot be read.
    #[error("cannot read the secret key {}; check who owns it and what its permissions are", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// The file cannot be made.
    #[error("cannot make the secret key {}; check that its folder can be written", .0.display())]
    NotMade(PathBuf, #[source] io::Error),
}

/// Reads the key; none if there is no file.
pub(super) fn read(path: &Path) -> Result<Option<Seal>, SecretKeyError> {
    let text = match fs::read(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(SecretKeyError::Unreadable(path.to_owned(), error)),
    };
    let malformed = || SecretKeyError::Malformed(path.to_owned());
    if text.len() > FILE_BYTES_MAX {
        return Err(malformed());
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    hex::decode_to_slice(text.trim_ascii(), key.as_mut()).map_err(|_| malformed())?;
    warn_if_others_can_read(path);
    Ok(Some(Seal::new(&key)))
}

/// Makes a file with a new key, whole or not at all. One that somebody else made meanwhile stays.
pub(super) fn make(path: &Path) -> Result<(), SecretKeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let written = getrandom::fill(key.as_mut())
        .map_err(|error| io::Error::other(error.to_string()))
        .and_then(|()| write_whole(path, Zeroizing::new(hex::encode(*key) + "\n").as_bytes()));
    match written {
        Ok(()) => {
            tracing::info!(
                path = %path.display(),
                "a secret key was made; keep a copy of it apart from copies of the database"
            );
            Ok(())
        }
        Err(error) => Err(SecretKeyError::NotMade(path.to_owned(), error)),
    }
}

/// Nobody ever sees a part of the file, also after a power failure: it gets its name when it is on the disk.
fn write_whole(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unnamed = PathBuf::from(name);
    let done = write_new(&unnamed, text).and_then(|()| match fs::hard_link(&unnamed, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        named => named,
    });
    // Whatever became of it, the key is in no second file.
    let removed = fs::remove_file(&unnamed);
    done.and(removed)?;
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn warn_if_others_can_read(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |data| data.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            "others on this machine can read the secret key; `chmod 600` the file"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_for_its_owner_alone() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("secret.key");
        assert!(read(&path)?.is_none());
        make(&path)?;
        let first = read(&path)?.map(|seal| seal.id());
        make(&path)?;
        assert!(first.is_some());
        assert_eq!(
            read(&path)?.map(|seal| seal.id()),
            first,
            "a second one is not made"
        );
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path())?.count(),
            1,
            "nothing is left beside it"
        );
        assert_eq!(fs::read_to_string(&path)?.trim_end().len(), 64);
        let deep = folder.path().join("deep").join("secret.key");
        make(&deep)?;
        assert!(deep.exists(), "its folder is made too");
        Ok(())
    }

    #[test]
    fn what_is_no_key_is_told() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("secret.key");
        let digits = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";
        for text in [
            "",
            "\n",
            "no key",
            &digits[1..],
            &format!("{digits}0"),
            &" ".repeat(2_000),
        ] {
            fs::write(&path, text)?;
            assert!(matches!(read(&path), Err(SecretKeyError::Malformed(_))), "{text}");
        }
        fs::write(&path, format!("  {digits}\r\n"))?;
        assert!(read(&path)?.is_some());
        assert!(matches!(read(folder.path()), Err(SecretKeyError::Unreadable(..))));
        let nowhere = path.join("secret.key");
        assert!(matches!(make(&nowhere), Err(SecretKeyError::NotMade(..))));
        Ok(())
    }
}
