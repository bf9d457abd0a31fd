//! The mail server that takes the e-mails of scripts.

use anyhow::{anyhow, bail};
use picloud_shared::mail::{
    MAIL_PASSWORD_BYTES_MAX, MAIL_USERNAME_BYTES_MAX, MailCredentials, MailSecurity, MailServer, Sender,
    Senders,
};
use url::Url;

/// What the settings say. No fault shows the URL, because of the password in it.
pub(super) fn server(url: Option<&str>, from: Option<&[String]>) -> anyhow::Result<Option<MailServer>> {
    let (url, from) = match (url, from) {
        (Some(url), Some(from)) => (url, from),
        (None, None) => return Ok(None),
        (Some(_), None) => bail!("smtp_url is set without smtp_from; set both or neither"),
        (None, Some(_)) => bail!("smtp_from is set without smtp_url; set both or neither"),
    };
    let no_url = || {
        anyhow!(
            "smtp_url is not the URL of a mail server; write it like smtps://user:password@mail.example.com, \
             smtp://user:password@mail.example.com for STARTTLS, or smtp://localhost?security=none, with signs such as @ \
             in a password as %40"
        )
    };
    let url = Url::parse(url).map_err(|_| no_url())?;
    let security = match (url.scheme(), url.query()) {
        ("smtps", None) => MailSecurity::Tls,
        ("smtp", None) => MailSecurity::Starttls,
        ("smtp", Some("security=none")) => MailSecurity::None,
        _ => return Err(no_url()),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(no_url());
    }
    let host = url.host_str().unwrap_or_default();
    Ok(Some(MailServer {
        host: host.parse().map_err(|_| no_url())?,
        port: url.port().unwrap_or(security.default_port()),
        security,
        credentials: credentials(&url).map_err(|()| no_url())?,
        senders: senders(from)?,
    }))
}

fn credentials(url: &Url) -> Result<Option<MailCredentials>, ()> {
    let decoded = |text: &str| {
        let text = percent_encoding::percent_decode_str(text).decode_utf8();
        text.map(std::borrow::Cow::into_owned).map_err(drop)
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) | (_, None) => Err(()),
        (username, Some(password)) => {
            let (username, password) = (decoded(username)?, decoded(password)?);
            if username.len() > MAIL_USERNAME_BYTES_MAX || password.len() > MAIL_PASSWORD_BYTES_MAX {
                return Err(());
            }
            Ok(Some(MailCredentials {
                username,
                password: password.into(),
            }))
        }
    }
}

fn senders(from: &[String]) -> anyhow::Result<Senders> {
    let parsed = from.iter().map(|text| {
        text.parse::<Sender>()
            .map_err(|error| anyhow!("smtp_from: `{text}`: {error}"))
    });
    Senders::new(parsed.collect::<Result<_, _>>()?).map_err(|error| anyhow!("smtp_from: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> anyhow::Result<Option<MailServer>> {
        server(Some(url), Some(&["cloud@example.com".to_owned()]))
    }

    #[test]
    fn a_url_names_the_mail_server() -> anyhow::Result<()> {
        for (url, expected) in [
            ("smtps://mail.example.com", "mail.example.com 465 tls -"),
            ("smtp://mail.example.com", "mail.example.com 587 starttls -"),
            ("smtp://127.0.0.1:2525?security=none", "127.0.0.1 2525 none -"),
            ("smtps://[fd00::1]:10465/", "fd00::1 10465 tls -"),
            (
                "smtps://ada%40example.com:p%3Aw%2F@mail.example.com",
                "mail.example.com 465 tls ada@example.com p:w/",
            ),
        ] {
            let server = read(url)?.expect(url);
            let signs_in = server.credentials.map_or("-".to_owned(), |credentials| {
                format!("{} {}", credentials.username, credentials.password.expose())
            });
            let security = server.security.as_str();
            assert_eq!(
                format!("{} {} {security} {signs_in}", server.host, server.port),
                expected
            );
        }
        assert_eq!(server(None, None)?, None);
        Ok(())
    }

    #[test]
    fn nonsense_is_refused_and_no_password_is_shown() {
        for url in [
            "mail.example.com",
            "http://ada:canary@mail.example.com",
            "smtp://ada:canary@",
            "smtp://:canary@mail.example.com",
            "smtp://ada@mail.example.com",
            "smtp://ada:canary@mail.example.com/inbox",
            "smtp://ada:canary@mail.example.com?security=some",
            "smtps://ada:canary@mail.example.com?security=none",
            "smtp://ada:canary@mail.example.com:99999",
            "smtp://ada:canary@127.1.x.2",
        ] {
            let error = read(url).expect_err(url).to_string();
            assert!(
                error.contains("smtp_url is not") && !error.contains("canary"),
                "{error}"
            );
        }
        let from = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
            let server = server(Some("smtp://mail.example.com"), Some(&texts));
            server.err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(from(&["Cloud <cloud@example.com>", "*@example.org"]), "");
        assert!(from(&["*@example.org"]).contains("smtp_from: the first one"));
        assert!(from(&["nobody"]).contains("smtp_from: `nobody`"));
        for (url, from) in [(Some("smtp://a"), None), (None, Some(&["a@b".to_owned()][..]))] {
            assert!(server(url, from).is_err());
        }
    }
}
