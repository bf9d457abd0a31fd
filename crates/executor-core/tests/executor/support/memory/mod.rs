//! Services that keep everything in memory, for tests.

mod docs;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use picloud_executor_core::Services;
use picloud_shared::{
    id::AppId,
    quota::{Quota, QuotaExceeded},
    secret::SecretText,
    services::{
        Answer, Commit, EmailFailure, HostServices, HttpAnswer, HttpFailure, HttpFailureKind, HttpRequest,
        KvEntry, KvItem, KvValue, LIST_BYTES_MAX, PasswordAnswer, PasswordQuestion, Question, Recalled,
        ServiceError, list_bounds,
    },
};
use tokio::sync::Notify;

/// Keys and values in memory, and what to do with questions.
#[derive(Default)]
pub(crate) struct MemoryHost {
    state: Mutex<State>,
    fell_silent: Notify,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<(AppId, String), KvEntry>,
    /// Those of all apps.
    secrets: BTreeMap<String, SecretText>,
    documents: docs::Documents,
    version: i64,
    asked: Vec<Question>,
    /// Whether it knows all keys without being asked.
    recalls: bool,
    /// The key that somebody else writes just before a commit, and how many commits this is done to.
    disturbed: Option<(String, usize)>,
    /// The number of the question, from 1, that is never answered.
    silent_at: Option<usize>,
    /// The number of the first question that is refused, and how.
    refused: Option<(usize, ServiceError)>,
    /// Whether whoever commits has lost what it holds.
    loses_leases: bool,
    /// What becomes of every e-mail.
    email_failure: Option<EmailFailure>,
    /// How often services may still be called; for ever if absent.
    calls_left: Option<usize>,
}

impl MemoryHost {
    pub(crate) fn services(self: &Arc<Self>) -> Services {
        Services::new(Arc::clone(self) as Arc<dyn HostServices>)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    /// Writes a JSON value from outside.
    pub(crate) fn put(&self, app: AppId, key: &str, json: &str) {
        self.state().put(app, key, &KvValue::Json(json.to_owned()));
    }

    /// Sets a secret, for all apps.
    pub(crate) fn set_secret(&self, name: &str, value: &str) {
        let secret = SecretText::from(value.to_owned());
        self.state().secrets.insert(name.to_owned(), secret);
    }

    /// A value as it is stored.
    pub(crate) fn get(&self, app: AppId, key: &str) -> Option<KvValue> {
        let state = self.state();
        state
            .entries
            .get(&(app, key.to_owned()))
            .map(|entry| entry.value.clone())
    }

    /// How many keys and documents there are, of all apps.
    pub(crate) fn len(&self) -> usize {
        let state = self.state();
        state.entries.len() + state.documents.len()
    }

    /// What was asked.
    pub(crate) fn asked(&self) -> Vec<Question> {
        self.state().asked.clone()
    }

    /// The commits among that.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        let asked = self.asked().into_iter();
        asked
            .filter_map(|question| match question {
                Question::Commit(commit) => Some(commit),
                _ => None,
            })
            .collect()
    }

    /// From now on it knows all keys without being asked.
    pub(crate) fn recall_all(&self) {
        self.state().recalls = true;
    }

    /// From now on `key` changes just before each of the next `times` commits.
    pub(crate) fn disturb(&self, key: &str, times: usize) {
        self.state().disturbed = Some((key.to_owned(), times));
    }

    /// The question with this number is never answered.
    pub(crate) fn be_silent_at(&self, number: usize) {
        self.state().silent_at = Some(number);
    }

    /// Waits until that question is asked.
    pub(crate) async fn fell_silent(&self) {
        self.fell_silent.notified().await;
    }

    /// From now on whoever commits has lost what it holds.
    pub(crate) fn lose_leases(&self) {
        self.state().loses_leases = true;
    }

    /// From now on every e-mail fails.
    pub(crate) fn fail_emails(&self, failure: EmailFailure) {
        self.state().email_failure = Some(failure);
    }

    /// Services may be called so often from now on.
    pub(crate) fn allow_calls(&self, number: usize) {
        self.state().calls_left = Some(number);
    }

    /// From now on every question is refused.
    pub(crate) fn refuse(&self, error: ServiceError) {
        self.refuse_from(1, error);
    }

    /// The question with this number, and every one after it, is refused.
    pub(crate) fn refuse_from(&self, number: usize, error: ServiceError) {
        self.state().refused = Some((number, error));
    }
}

#[async_trait]
impl HostServices for MemoryHost {
    async fn ask(&self, app: AppId, question: Question) -> Result<Answer, ServiceError> {
        let answer = {
            let mut state = self.state();
            state.asked.push(question.clone());
            if state.silent_at == Some(state.asked.len()) {
                None
            } else if let Some((number, error)) = state.refused
                && number <= state.asked.len()
            {
                Some(Err(error))
            } else if state.loses_leases && matches!(question, Question::Commit(_)) {
                Some(Ok(Answer::LeaseLost))
            } else {
                Some(Ok(state.answer(app, question)))
            }
        };
        if let Some(answer) = answer {
            return answer;
        }
        self.fell_silent.notify_one();
        std::future::pending().await
    }

    fn may_call(&self, _: AppId) -> Result<(), QuotaExceeded> {
        let mut state = self.state();
        match &mut state.calls_left {
            Some(0) => Err(QuotaExceeded {
                quota: Quota::CallsPerDay,
                used: 7,
                max: 7,
            }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn recall(&self, app: AppId, key: &str) -> Recalled {
        let state = self.state();
        if !state.recalls {
            return Recalled::Nothing;
        }
        let entry = state.entries.get(&(app, key.to_owned()));
        Recalled::Entry(entry.cloned().map(Arc::new))
    }
}

/// What every other server answers in tests: what it was sent. One of them is not there.
fn echo(request: &HttpRequest) -> Result<HttpAnswer, HttpFailure> {
    if request.url.contains("//unknown.") {
        return Err(HttpFailure {
            kind: HttpFailureKind::Dns,
            message: "`unknown.example.com` has no address".to_owned(),
            url: request.url.clone(),
        });
    }
    let body = request.body.clone().unwrap_or_default();
    let headers: BTreeMap<_, _> = request.headers.iter().cloned().collect();
    let echo = serde_json::json!({
        "method": request.method,
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    Ok(HttpAnswer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: echo.to_string().into(),
        url: request.url.clone(),
        redirected: false,
    })
}

impl State {
    fn put(&mut self, app: AppId, key: &str, value: &KvValue) {
        self.version += 1;
        let entry = KvEntry {
            value: value.clone(),
            version: self.version,
            expires_at: None,
        };
        self.entries.insert((app, key.to_owned()), entry);
    }

    fn answer(&mut self, app: AppId, question: Question) -> Answer {
        match question {
            Question::KvGet { keys } => Answer::Entries {
                entries: keys
                    .into_iter()
                    .map(|key| self.entries.get(&(app, key)).cloned())
                    .collect(),
            },
            Question::KvList { prefix, after, limit } => {
                let (low, high) = list_bounds(&prefix, after.as_deref());
                let mut items = self.range(app, &low, &high);
                let mut bytes = 0;
                let fits = items.iter().take(limit as usize).take_while(|item| {
                    let fits = bytes <= LIST_BYTES_MAX;
                    bytes += item.key.len() + item.entry.value.bytes();
                    fits
                });
                let fits = fits.count();
                let more = items.len() > fits;
                items.truncate(fits);
                Answer::Page { items, more }
            }
            Question::Secret { name } => Answer::Secret {
                value: self.secrets.get(name.as_str()).cloned(),
            },
            Question::Docs(question) => Answer::Docs(self.documents.answer(app, question)),
            Question::Http { requests } => Answer::Http {
                answers: requests.iter().map(echo).collect(),
            },
            Question::Password(question) => Answer::Password(about_password(question)),
            Question::Email { .. } => Answer::Email {
                failure: self.email_failure.clone(),
            },
            Question::Commit(commit) => self.commit(app, commit),
        }
    }

    fn range(&self, app: AppId, low: &[u8], high: &[u8]) -> Vec<KvItem> {
        let of_app = self.entries.iter().filter(|((owner, _), _)| *owner == app);
        of_app
            .filter(|((_, key), _)| low <= key.as_bytes() && key.as_bytes() < high)
            .map(|((_, key), entry)| KvItem {
                key: key.clone(),
                entry: entry.clone(),
            })
            .collect()
    }

    fn commit(&mut self, app: AppId, commit: Commit) -> Answer {
        if let Some((key, times)) = self.disturbed.take()
            && times > 0
        {
            let count = self.version;
            self.put(app, &key, &KvValue::Json(count.to_string()));
            self.disturbed = Some((key, times - 1));
        }
        for read in &commit.keys {
            let present = self.entries.get(&(app, read.key.clone()));
            if present.map(|entry| entry.version) != read.version {
                return Answer::Conflict {
                    key: read.key.clone(),
                };
            }
        }
        for range in &commit.ranges {
            let (low, high) = range.bounds();
            let items = self.range(app, &low, &high);
            let mark = items.iter().fold(0, |mark, item| mark ^ item.entry.version);
            if (items.len() as u64, mark) != (range.count, range.mark) {
                return Answer::Conflict {
                    key: range.prefix.clone(),
                };
            }
        }
        for collection in &commit.docs {
            if let Some(key) = self.documents.stale(app, collection) {
                return Answer::Conflict { key };
            }
        }
        for collection in commit.docs {
            self.documents.write(app, collection);
        }
        for write in commit.writes {
            match write.value {
                Some(value) => self.put(app, &write.key, &value),
                None => drop(self.entries.remove(&(app, write.key))),
            }
        }
        Answer::Committed
    }
}

/// Hashes that take no time: the password with this before it.
const HASHED: &str = "hashed ";

fn about_password(question: PasswordQuestion) -> PasswordAnswer {
    let verified = |password: String, hash: Option<String>| PasswordAnswer::Verified {
        fits: hash == Some(format!("{HASHED}{password}")),
    };
    match question {
        PasswordQuestion::Hash { password } => PasswordAnswer::Hashed {
            hash: format!("{HASHED}{}", password.0),
        },
        PasswordQuestion::Verify { hash, .. } if !hash.starts_with(HASHED) => PasswordAnswer::NoHash,
        PasswordQuestion::Verify { password, hash } => verified(password.0, Some(hash)),
        PasswordQuestion::SignIn { name, .. } if name == "guessed" => PasswordAnswer::Wait { seconds: 7 },
        PasswordQuestion::SignIn { name, .. } if name == "busy" => PasswordAnswer::Busy,
        PasswordQuestion::SignIn { password, hash, .. } => verified(password.0, hash),
    }
}
