//! E-mail, to a mail server on loopback.

use bytes::Bytes;
use picloud_shared::{
    mail::{MailCredentials, MailSecurity, MailServer},
    seam::EgressTable as _,
    services::{
        Answer, Attachment, EMAILS_PER_HOUR_MAX, Email, EmailFailure, EmailFailureKind, HostServices as _,
        Question,
    },
};
use tokio::net::TcpListener;

use crate::{
    ground::{APP, Ground, OTHER, self_made},
    mail_server::{Manner, TestMailServer},
};

/// `\0ada\0a fine password`.
const SIGNS_IN: &str = "AGFkYQBhIGZpbmUgcGFzc3dvcmQ=";

async fn send(ground: &Ground, email: Email) -> Result<(), EmailFailure> {
    match ground.egress.ask(APP, Question::Email { email }).await {
        Ok(Answer::Email { failure }) => failure.map_or(Ok(()), Err),
        other => panic!("{other:?}"),
    }
}

async fn kind(ground: &Ground, email: Email) -> Result<(), EmailFailureKind> {
    send(ground, email).await.map_err(|failure| failure.kind)
}

/// How it ends with a mail server of such manners.
async fn ends(security: MailSecurity, manner: Manner, timeout_ms: u64) -> EmailFailure {
    let server = TestMailServer::start(security, manner).await;
    let ground = trusting(&server, server.settings()).await;
    let email = Email {
        timeout_ms,
        ..email()
    };
    let failure = send(&ground, email).await.expect_err("it is not taken");
    assert!(server.taken().is_empty(), "{manner:?}");
    failure
}

async fn trusting(server: &TestMailServer, settings: MailServer) -> Ground {
    Ground::with_mail_server(settings, vec![server.authority.clone()]).await
}

fn email() -> Email {
    Email {
        to: vec!["Ada <ada@example.com>".parse().expect("an address")],
        cc: vec!["tom@example.com".parse().expect("an address")],
        bcc: vec!["eve@example.com".parse().expect("an address")],
        reply_to: Some("shop@example.com".parse().expect("an address")),
        from: None,
        subject: "Hello".to_owned(),
        text: Some("How are you?\n.\nBcc: fay@example.com\r\r\n.\r\nBye".to_owned()),
        html: Some("<p>How are you?</p>".to_owned()),
        attachments: Vec::new(),
        timeout_ms: 20_000,
    }
}

#[tokio::test]
async fn an_email_reaches_the_mail_server_as_it_was_written() {
    for security in [MailSecurity::None, MailSecurity::Tls, MailSecurity::Starttls] {
        let server = TestMailServer::start(security, Manner::Kind).await;
        let ground = trusting(&server, server.settings()).await;
        assert_eq!(send(&ground, email()).await, Ok(()), "{security:?}");
        let taken = server.taken();
        let [taken] = &taken[..] else {
            panic!("one letter: {taken:?}");
        };
        assert_eq!(
            taken.envelope,
            [
                "MAIL FROM:<cloud@example.com>",
                "RCPT TO:<ada@example.com>",
                "RCPT TO:<tom@example.com>",
                "RCPT TO:<eve@example.com>"
            ]
        );
        for expected in [
            "From: Cloud <cloud@example.com>\n",
            "To: Ada <ada@example.com>\n",
            "Cc: tom@example.com\n",
            "Subject: Hello\n",
            "Reply-To: shop@example.com\n",
            "How are you?\n..\nBcc: fay@example.com\n\n..\nBye\n",
            "<p>How are you?</p>",
        ] {
            assert!(
                taken.letter.contains(expected),
                "{expected} is not in {}",
                taken.letter
            );
        }
        assert!(!taken.letter.contains("eve@example.com"), "{}", taken.letter);
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn files_go_with_it() {
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = trusting(&server, server.settings()).await;
    let mut email = email();
    email.attachments = vec![Attachment {
        name: "numbers.csv".to_owned(),
        media_type: "text/csv".to_owned(),
        content: Bytes::from_static(b"a,b\n1,2\n"),
    }];
    assert_eq!(send(&ground, email).await, Ok(()));
    let letter = &server.taken()[0].letter;
    for expected in [
        "Content-Disposition: attachment; filename=\"numbers.csv\"",
        "YSxiCjEsMgo=",
    ] {
        assert!(letter.contains(expected), "{expected} is not in {letter}");
    }
}

#[tokio::test]
async fn whoever_has_to_signs_in_and_their_password_is_told_to_nobody() {
    for security in [MailSecurity::None, MailSecurity::Tls, MailSecurity::Starttls] {
        let server = TestMailServer::with_sign_in(security, SIGNS_IN).await;
        let with = |password: &str| MailServer {
            credentials: Some(MailCredentials {
                username: "ada".to_owned(),
                password: password.to_owned().into(),
            }),
            ..server.settings()
        };
        let ground = trusting(&server, with("a fine password")).await;
        assert_eq!(send(&ground, email()).await, Ok(()));
        let ground = trusting(&server, with("canary")).await;
        let failure = send(&ground, email()).await.expect_err("it is not taken");
        assert_eq!(failure.kind, EmailFailureKind::SignIn);
        assert!(!failure.message.contains("canary"), "{}", failure.message);
        let ground = trusting(&server, server.settings()).await;
        assert_eq!(
            kind(&ground, email()).await,
            Err(EmailFailureKind::Refused),
            "nobody signs in"
        );
    }
}

#[tokio::test]
async fn one_refused_recipient_is_named_and_nobody_gets_it() {
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = trusting(&server, server.settings()).await;
    let also_to = |address: &str| {
        let mut email = email();
        email.bcc = vec![address.parse().expect("an address")];
        email
    };
    let failure = send(&ground, also_to("nobody@example.com"))
        .await
        .expect_err("it is not taken");
    assert_eq!(failure.kind, EmailFailureKind::Recipient);
    assert_eq!(failure.recipient.as_deref(), Some("nobody@example.com"));
    assert!(
        failure.message.contains("nobody of that name"),
        "{}",
        failure.message
    );
    assert_eq!(
        kind(&ground, also_to("later@example.com")).await,
        Err(EmailFailureKind::Unavailable)
    );
    assert!(server.taken().is_empty());
}

#[tokio::test]
async fn only_who_is_permitted_is_the_sender() {
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = trusting(&server, server.settings()).await;
    let from = |text: &str| Email {
        from: Some(text.parse().expect("an address")),
        ..email()
    };
    let failure = send(&ground, from("ada@example.com"))
        .await
        .expect_err("it is not sent");
    assert_eq!(failure.kind, EmailFailureKind::Sender);
    assert!(failure.message.contains("*@example.org"), "{}", failure.message);
    assert_eq!(server.connections(), 0);
    assert_eq!(send(&ground, from("Shop <shop@example.org>")).await, Ok(()));
    let taken = server.taken();
    assert_eq!(taken[0].envelope[0], "MAIL FROM:<shop@example.org>");
    assert!(taken[0].letter.contains("From: Shop <shop@example.org>\n"));
}

#[tokio::test]
async fn a_mail_server_that_does_not_answer_is_not_waited_for_forever() {
    for security in [MailSecurity::None, MailSecurity::Tls, MailSecurity::Starttls] {
        let failure = ends(security, Manner::Silent, 300).await;
        assert_eq!(failure.kind, EmailFailureKind::Timeout, "{failure:?}");
        let failure = ends(security, Manner::Endless, 20_000).await;
        assert_eq!(failure.kind, EmailFailureKind::Unavailable, "{failure:?}");
    }
}

#[tokio::test]
async fn what_may_have_been_sent_is_told_as_such() {
    let failure = ends(MailSecurity::None, Manner::GoneAtTheEnd, 20_000).await;
    assert_eq!(failure.kind, EmailFailureKind::Unknown, "{failure:?}");
    // Long enough for all that comes before.
    let failure = ends(MailSecurity::None, Manner::SilentAtTheEnd, 3_000).await;
    assert_eq!(failure.kind, EmailFailureKind::Unknown, "{failure:?}");
    let failure = ends(MailSecurity::None, Manner::Strict, 20_000).await;
    assert_eq!(failure.kind, EmailFailureKind::Refused, "{failure:?}");
    assert!(failure.message.contains("(554"), "{}", failure.message);
    assert!(failure.message.contains("looks like spam"), "{}", failure.message);
}

#[tokio::test]
async fn nothing_is_said_on_a_connection_that_is_not_secure() {
    for manner in [Manner::Insecure, Manner::Injected] {
        let server = TestMailServer::start(MailSecurity::Starttls, manner).await;
        let ground = trusting(&server, server.settings()).await;
        assert_eq!(
            kind(&ground, email()).await,
            Err(EmailFailureKind::Tls),
            "{manner:?}"
        );
        let said = server.said();
        assert!(
            said.iter()
                .all(|line| line.starts_with("EHLO") || line == "STARTTLS"),
            "{said:?}"
        );
    }
    for security in [MailSecurity::Tls, MailSecurity::Starttls] {
        let server = TestMailServer::start(security, Manner::Kind).await;
        let (_, other) = self_made("127.0.0.1");
        let ground = Ground::with_mail_server(server.settings(), vec![other]).await;
        assert_eq!(kind(&ground, email()).await, Err(EmailFailureKind::Tls));
        assert!(server.taken().is_empty());
    }
}

#[tokio::test]
async fn where_nobody_is_nothing_is_sent() {
    let failure = send(&Ground::new().await, email())
        .await
        .expect_err("nobody takes it");
    assert_eq!(failure.kind, EmailFailureKind::NotConfigured);
    assert!(
        failure.message.contains("PICLOUD_SMTP_URL"),
        "{}",
        failure.message
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let settings = MailServer {
        port,
        ..server.settings()
    };
    let ground = trusting(&server, settings).await;
    assert_eq!(kind(&ground, email()).await, Err(EmailFailureKind::Unavailable));
    let settings = MailServer {
        host: "mail.example.com".parse().expect("a host"),
        ..server.settings()
    };
    let ground = trusting(&server, settings).await;
    assert_eq!(kind(&ground, email()).await, Err(EmailFailureKind::Unavailable));
}

#[tokio::test]
async fn an_app_sends_so_many_in_an_hour_and_others_do_not_care() {
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = trusting(&server, server.settings()).await;
    for _ in 0..EMAILS_PER_HOUR_MAX {
        assert_eq!(send(&ground, email()).await, Ok(()));
    }
    assert_eq!(kind(&ground, email()).await, Err(EmailFailureKind::TooMany));
    assert_eq!(server.taken().len(), EMAILS_PER_HOUR_MAX);
    let answer = ground.egress.ask(OTHER, Question::Email { email: email() }).await;
    assert_eq!(answer, Ok(Answer::Email { failure: None }));
}

#[tokio::test]
async fn a_mail_server_that_is_this_server_is_none() {
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = Ground::with_listeners_and_mail(vec![server.address], server.settings()).await;
    assert_eq!(kind(&ground, email()).await, Err(EmailFailureKind::Blocked));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_own_mail_server_of_an_app_comes_before_that_of_the_instance() {
    let instance = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let own = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = trusting(&instance, instance.settings()).await;
    ground.set_mail_server(own.settings());
    // Not public, and on no list.
    let failure = send(&ground, email()).await.expect_err("it is not sent");
    assert_eq!(failure.kind, EmailFailureKind::Blocked);
    assert!(failure.message.contains("the app's list"), "{}", failure.message);
    for (entries, expected) in [
        (&["*"][..], Err(EmailFailureKind::Blocked)),
        (&["10.0.0.0/8"][..], Err(EmailFailureKind::Blocked)),
        (&["127.0.0.0/8:1"][..], Err(EmailFailureKind::Blocked)),
        (&["127.0.0.1"][..], Ok(())),
    ] {
        ground.allow(APP, Some(entries)).await;
        assert_eq!(kind(&ground, email()).await, expected, "{entries:?}");
    }
    assert_eq!((own.taken().len(), instance.connections()), (1, 0));
    // Others have that of the instance.
    let answer = ground.egress.ask(OTHER, Question::Email { email: email() }).await;
    assert_eq!(answer, Ok(Answer::Email { failure: None }));
    assert_eq!((own.taken().len(), instance.taken().len()), (1, 1));
    // A bound on the good name of the instance is none on that of the app.
    for _ in 0..EMAILS_PER_HOUR_MAX {
        assert_eq!(send(&ground, email()).await, Ok(()));
    }
}

#[tokio::test]
async fn an_app_tries_its_own_mail_server_so_many_times_in_an_hour() {
    let own = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = Ground::new().await;
    let nobody = ground.egress.try_email(APP, email()).await.expect("it is known");
    let nobody = nobody.expect_err("there is no mail server");
    assert_eq!(nobody.kind, EmailFailureKind::NotConfigured);
    ground.set_mail_server(own.settings());
    ground.allow(APP, Some(&["127.0.0.1"])).await;
    for _ in 0..EMAILS_PER_HOUR_MAX {
        let said = ground.egress.try_email(APP, email()).await.expect("it is known");
        assert!(
            said.as_ref().is_ok_and(|said| said.starts_with("250 ")),
            "{said:?}"
        );
    }
    let refused = ground.egress.try_email(APP, email()).await.expect("it is known");
    let refused = refused.expect_err("they were too many");
    assert_eq!(refused.kind, EmailFailureKind::TooMany);
    assert!(refused.message.contains("test messages"), "{}", refused.message);
    assert_eq!(own.taken().len(), EMAILS_PER_HOUR_MAX);
    // Its scripts do go on.
    assert_eq!(send(&ground, email()).await, Ok(()));
}

#[tokio::test]
async fn a_name_that_leads_home_is_blocked_however_it_is_written() {
    let server = TestMailServer::start(MailSecurity::None, Manner::Kind).await;
    let ground = Ground::new().await;
    for (name, addresses) in [
        ("mail.example.com", &["127.0.0.1"][..]),
        ("two.example.com", &["93.184.216.34", "10.0.0.1"][..]),
        ("mapped.example.com", &["::ffff:127.0.0.1"][..]),
    ] {
        ground.name(name, &[addresses]);
        ground.set_mail_server(MailServer {
            host: name.parse().expect("a host"),
            ..server.settings()
        });
        assert_eq!(
            kind(&ground, email()).await,
            Err(EmailFailureKind::Blocked),
            "{name}"
        );
    }
    for address in ["127.0.0.1", "::1", "::ffff:7f00:1", "169.254.169.254", "fd00::1"] {
        ground.set_mail_server(MailServer {
            host: address.parse().expect("a host"),
            ..server.settings()
        });
        assert_eq!(
            kind(&ground, email()).await,
            Err(EmailFailureKind::Blocked),
            "{address}"
        );
    }
    assert_eq!(server.connections(), 0);
}
