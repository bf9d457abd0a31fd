//! How much more apps may keep, as far as one transaction needs to know.
//!
//! What an app keeps is counted by triggers, and a commit that makes it too much is undone: that takes a savepoint, and
//! two looks at the count. Most commits are far from any quota, even if nothing of what they write was there before. So
//! one look for each app has to do for all of its commits in a transaction, as long as that is true.

use std::collections::HashMap;

use picloud_shared::{
    id::AppId,
    quota::Kept,
    services::{Commit, docs::CollectionCommit},
};

/// What apps may keep beside what they keep, at least.
#[derive(Debug, Default)]
pub(super) struct Rooms(HashMap<AppId, Kept>);

impl Rooms {
    /// Takes what a commit of `app` needs at most, if there is certainly so much; `look` tells how much there is, or
    /// nothing if the app is gone. An error is that of `look`.
    pub(super) fn take<E>(
        &mut self,
        app: AppId,
        commit: &Commit,
        look: impl FnOnce() -> Result<Option<Kept>, E>,
    ) -> Result<bool, E> {
        let Some(needed) = most_added(commit) else {
            // Nobody knows what is left when it is done.
            self.0.remove(&app);
            return Ok(false);
        };
        let room = match self.0.get(&app) {
            Some(room) => Some(*room),
            None => look()?,
        };
        let left = room.and_then(|room| {
            Some(Kept {
                bytes: room.bytes.checked_sub(needed.bytes)?,
                rows: room.rows.checked_sub(needed.rows)?,
            })
        });
        match left {
            Some(left) => self.0.insert(app, left),
            None => self.0.remove(&app),
        };
        Ok(left.is_some())
    }
}

/// What an app keeps more after a commit, at most; nothing if that is not easily told.
fn most_added(commit: &Commit) -> Option<Kept> {
    // All of them, so that whoever adds something to a commit has to say here what it adds to what is kept.
    let Commit {
        keys: _,
        ranges: _,
        writes,
        docs,
        record,
        emits,
        messages,
        acks,
        held,
        writer: _,
        audit,
    } = commit;
    let is_recorded = record.is_some() || audit.is_some();
    let has_more =
        is_recorded || !emits.is_empty() || !messages.is_empty() || !acks.is_empty() || !held.is_empty();
    let writes_keys_alone = !has_more && docs.iter().all(CollectionCommit::writes_nothing);
    writes_keys_alone.then(|| {
        let written = writes.iter();
        let added = written.filter_map(|write| Some((write.key.len(), write.value.as_ref()?.bytes())));
        added.fold(Kept::default(), |sum, (key, value)| Kept {
            bytes: sum.bytes + (key + value) as u64,
            rows: sum.rows + 1,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use picloud_shared::services::{Expiry, KvValue, Write};
    use uuid::Uuid;

    use super::*;

    const APP: AppId = AppId(Uuid::from_u128(1));

    fn writes(values: &[Option<&str>]) -> Commit {
        let writes = values.iter().map(|value| Write {
            key: "key".to_owned(),
            value: value.map(|text| KvValue::Json(text.to_owned())),
            expiry: Expiry::Never,
        });
        Commit {
            writes: writes.collect(),
            ..Commit::default()
        }
    }

    fn take(rooms: &mut Rooms, commit: &Commit, there: Option<Kept>) -> bool {
        let look = || Ok::<_, Infallible>(Some(there.expect("it was looked already")));
        rooms.take(APP, commit, look).unwrap()
    }

    fn kept(bytes: u64, rows: u64) -> Kept {
        Kept { bytes, rows }
    }

    #[test]
    fn one_look_does_until_it_may_be_too_much() {
        let mut rooms = Rooms::default();
        let commit = writes(&[Some("12345"), None]);
        assert!(take(&mut rooms, &commit, Some(kept(20, 9))));
        assert!(take(&mut rooms, &commit, None));
        assert!(!take(&mut rooms, &commit, None));
        // Then it is looked again.
        assert!(take(&mut rooms, &commit, Some(kept(8, 1))));
        assert!(!take(&mut rooms, &commit, None));
        assert!(!take(&mut rooms, &commit, Some(kept(8, 0))));
        assert!(!take(&mut rooms, &commit, Some(kept(7, 1))));
        assert!(take(&mut rooms, &writes(&[None]), Some(kept(0, 0))));
    }

    #[test]
    fn in_an_app_that_is_gone_nothing_fits() {
        let gone = || Ok::<_, Infallible>(None);
        assert_eq!(Rooms::default().take(APP, &writes(&[None]), gone), Ok(false));
    }

    #[test]
    fn what_else_is_written_is_not_told_before() {
        let mut rooms = Rooms::default();
        assert!(take(&mut rooms, &writes(&[Some("1")]), Some(kept(100, 100))));
        let collection = CollectionCommit {
            name: "c".to_owned(),
            id: Some(Uuid::from_u128(2)),
            version: None,
            created: Some(picloud_shared::services::docs::Definition::default()),
            documents: Vec::new(),
            stretches: Vec::new(),
            writes: Vec::new(),
            indexed: Vec::new(),
        };
        let documents = Commit {
            docs: vec![collection],
            ..writes(&[Some("1")])
        };
        assert!(!take(&mut rooms, &documents, None));
        assert!(!take(&mut rooms, &writes(&[Some("1")]), Some(kept(0, 0))));
    }
}
