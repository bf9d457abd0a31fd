//! Passwords of scripts, with the real hasher.

use std::sync::Mutex;

use picloud_shared::time::Timestamp;

use super::*;

/// A time that tests move.
struct Moved(Mutex<Timestamp>);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Answers nothing.
struct Nothing;

#[async_trait]
impl HostServices for Nothing {
    async fn ask(&self, _: AppId, _: Question) -> Result<Answer, ServiceError> {
        Err(ServiceError::Unavailable)
    }

    fn may_call(&self, _: AppId) -> Result<(), QuotaExceeded> {
        Ok(())
    }
}

struct Bed {
    services: PasswordServices,
    clock: Arc<Moved>,
    app: AppId,
}

impl Bed {
    fn new() -> Self {
        let start = Timestamp::from_micros(1_000_000_000);
        let clock = Arc::new(Moved(Mutex::new(start)));
        Self {
            services: PasswordServices::new(Arc::new(Nothing), clock.clone(), || ()),
            clock,
            app: AppId::new(start),
        }
    }

    async fn ask(&self, question: PasswordQuestion) -> PasswordAnswer {
        match self.services.ask(self.app, Question::Password(question)).await {
            Ok(Answer::Password(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    async fn hash(&self, password: &str) -> String {
        let password = Password(password.to_owned());
        match self.ask(PasswordQuestion::Hash { password }).await {
            PasswordAnswer::Hashed { hash } => hash,
            other => panic!("{other:?}"),
        }
    }

    async fn sign_in(&self, name: &str, from: u8, password: &str, hash: Option<&str>) -> PasswordAnswer {
        self.ask(PasswordQuestion::SignIn {
            name: name.to_owned(),
            address: IpAddr::from([192, 0, 2, from]),
            password: Password(password.to_owned()),
            hash: hash.map(str::to_owned),
        })
        .await
    }
}

const FITS: PasswordAnswer = PasswordAnswer::Verified { fits: true };
const FAILS: PasswordAnswer = PasswordAnswer::Verified { fits: false };

#[tokio::test]
async fn a_password_fits_its_hash_and_no_other() {
    let bed = Bed::new();
    let hash = bed.hash("correct horse").await;
    let verify = |password: &str, hash: &str| {
        bed.ask(PasswordQuestion::Verify {
            password: Password(password.to_owned()),
            hash: hash.to_owned(),
        })
    };
    assert_eq!(verify("correct horse", &hash).await, FITS);
    assert_eq!(verify("wrong horse", &hash).await, FAILS);
    for other in [
        "",
        "correct horse",
        "$2b$12$abcdefghijklmnopqrstuv",
        &hash.replace("m=19456", "m=1048576"),
        &hash.replace("t=2", "t=2000000"),
        &hash.replace("argon2id", "argon2d"),
    ] {
        assert_eq!(
            verify("correct horse", other).await,
            PasswordAnswer::NoHash,
            "{other}"
        );
    }
}

#[tokio::test]
async fn who_guesses_has_to_wait_and_others_have_not() {
    let bed = Bed::new();
    let hash = bed.hash("correct horse").await;
    for _ in 0..5 {
        assert_eq!(bed.sign_in("ada", 1, "guess", Some(&hash)).await, FAILS);
    }
    let wait = bed.sign_in("ada", 2, "correct horse", Some(&hash)).await;
    assert!(matches!(wait, PasswordAnswer::Wait { seconds: 1 }), "{wait:?}");
    // A name that does not exist is told by nothing.
    assert_eq!(bed.sign_in("tom", 2, "correct horse", None).await, FAILS);
    let other_app = PasswordQuestion::SignIn {
        name: "ada".to_owned(),
        address: IpAddr::from([192, 0, 2, 3]),
        password: Password("correct horse".to_owned()),
        hash: Some(hash.clone()),
    };
    let app = AppId::new(Timestamp::from_micros(2_000_000_000));
    let answer = bed.services.ask(app, Question::Password(other_app)).await;
    assert_eq!(answer, Ok(Answer::Password(FITS)));
    let later = bed.clock.now().plus(Duration::from_secs(1));
    *bed.clock.0.lock().unwrap() = later;
    assert_eq!(bed.sign_in("ada", 2, "correct horse", Some(&hash)).await, FITS);
}

#[tokio::test]
async fn all_else_is_asked_of_who_answered_before() {
    let bed = Bed::new();
    let question = Question::KvGet { keys: Vec::new() };
    let answer = bed.services.ask(bed.app, question).await;
    assert_eq!(answer, Err(ServiceError::Unavailable));
}
