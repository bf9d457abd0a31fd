//! Going through all documents of a collection: they are looked at, and put into the indexes that are new.
//!
//! Whoever writes meanwhile keeps the new indexes too, as the definition has them already. A document is put into them as it
//! was read, in a commit that has read it: if it was written since, that is a conflict, and it is looked at anew.

use std::collections::BTreeMap;

use picloud_shared::{
    id::AppId,
    problem::Code,
    repository::AppCollection,
    services::{
        Answer as Answered, Commit, Question,
        docs::{
            Collection, CollectionCommit, CollectionName, Definition, DocsAnswer, DocsAsk, DocsFound,
            DocsQuestion, Document, Entry, Find, Indexed, ReadDocument, Schema, Selection, Stretch,
        },
    },
};
use serde_json::{Value, json};

use crate::{
    Manager,
    http::{
        kv,
        problem::{Answer, FieldError, Refusal, internal, invalid, problem},
    },
};

/// Documents that are looked at with one question, and written with one commit.
const DOCUMENTS_MAX: u32 = 200;

/// Entries after which a commit takes no more documents.
const ENTRIES_MAX: usize = 5_000;

/// How often one document may be written by others before it is written here.
const CONFLICTS_MAX: usize = 1_000;

/// Faults that are told of.
const FAULTS_MAX: usize = 10;

/// One way through the documents.
pub(super) struct Pass<'p> {
    manager: &'p Manager,
    app: AppId,
    name: &'p CollectionName,
    collection: &'p AppCollection,
    /// The new indexes.
    new: Definition,
    /// What documents have to be like, if that is new.
    schema: Option<&'p Schema>,
}

/// What is put into the new indexes with one commit.
#[derive(Default)]
struct Batch {
    read: Vec<ReadDocument>,
    indexed: Vec<Indexed>,
    /// What is unique, and whose it is.
    claims: BTreeMap<Entry, String>,
    faults: Vec<Refusal>,
}

impl<'p> Pass<'p> {
    pub(super) fn new(
        manager: &'p Manager,
        app: AppId,
        name: &'p CollectionName,
        collection: &'p AppCollection,
    ) -> Self {
        let definition = &collection.definition;
        let checks = definition.goal().is_some_and(|goal| goal.checks_schema);
        Self {
            manager,
            app,
            name,
            collection,
            new: definition.new_indexes(),
            schema: definition.schema.as_ref().filter(|_| checks),
        }
    }

    /// Goes through all of them. Gives why the change is refused, if it is. If others have changed the collection meanwhile,
    /// it ends at once: what it has found is of no use then.
    pub(super) async fn run(&self) -> Answer<Option<Refusal>> {
        let mut after = None;
        let mut limit = DOCUMENTS_MAX;
        let mut conflicts = 0;
        loop {
            let (collection, documents, until) = self.page(after.clone(), limit).await?;
            if (collection.id, collection.version) != (self.collection.id, self.collection.version) {
                return Ok(None);
            }
            let (batch, taken) = self.batch(&documents)?;
            let is_all = taken == documents.len();
            match self.write(batch).await? {
                Written::Refused(refusal) => return Ok(Some(refusal)),
                Written::Conflict if conflicts == CONFLICTS_MAX => return Err(busy()),
                Written::Conflict => {
                    conflicts += 1;
                    limit = (limit / 2).max(1);
                    continue;
                }
                Written::Done => {}
            }
            conflicts = 0;
            limit = (limit * 2).min(DOCUMENTS_MAX);
            after = match (is_all, until) {
                (true, None) => return Ok(None),
                (true, until) => until,
                (false, _) => documents[..taken]
                    .last()
                    .map(|last| [last.id.as_bytes(), &[0]].concat()),
            };
        }
    }

    async fn page(
        &self,
        after: Option<Vec<u8>>,
        limit: u32,
    ) -> Answer<(Collection, Vec<Document>, Option<Vec<u8>>)> {
        let find = Find {
            selection: Selection {
                filter: json!({}),
                sort: Some("_id".to_owned()),
            },
            after,
            limit,
            except: Vec::new(),
            only_count: false,
        };
        match self.ask(DocsAsk::Find(find)).await? {
            (collection, DocsFound::Page(page)) => Ok((collection, page.documents, page.until)),
            _ => Err(internal()),
        }
    }

    async fn ask(&self, ask: DocsAsk) -> Answer<(Collection, DocsFound)> {
        let question = Question::Docs(DocsQuestion {
            collection: self.name.as_str().to_owned(),
            ask,
        });
        let Answered::Docs(DocsAnswer { collection, found }) =
            kv::ask(self.manager, self.app, question).await?
        else {
            return Err(internal());
        };
        Ok((
            collection.ok_or_else(|| crate::http::problem::not_found("collection"))?,
            found,
        ))
    }

    /// What is to be done with the first of `documents`, and how many these are.
    fn batch(&self, documents: &[Document]) -> Answer<(Batch, usize)> {
        let mut batch = Batch::default();
        let mut taken = 0;
        for document in documents {
            if batch.indexed.len() > ENTRIES_MAX || batch.faults.len() >= FAULTS_MAX {
                break;
            }
            taken += 1;
            let value: Value = serde_json::from_str(&document.document).map_err(|_| internal())?;
            self.look_at(&document.id, &value, &mut batch);
            batch.read.push(ReadDocument {
                id: document.id.clone(),
                version: Some(document.version),
            });
        }
        Ok((batch, taken))
    }

    fn look_at(&self, id: &str, value: &Value, batch: &mut Batch) {
        if let Some(Err(error)) = self.schema.map(|schema| schema.check(value)) {
            let message = format!("the document `{id}` is not like this: {error}");
            batch.faults.push(wrong("schema", message));
        }
        match self.new.entries(value) {
            Ok(entries) => batch.indexed.extend(entries.into_iter().map(|entry| Indexed {
                id: id.to_owned(),
                entry,
            })),
            Err(error) => {
                let message = format!("the document `{id}` cannot be in it: {error}");
                batch.faults.push(wrong("indexes", message));
            }
        }
        for claim in self.new.claims(value) {
            if let Some(other) = batch.claims.get(&claim) {
                let fault = self.not_unique(other, id, &claim);
                batch.faults.push(fault);
            } else {
                batch.claims.insert(claim, id.to_owned());
            }
        }
    }

    async fn write(&self, mut batch: Batch) -> Answer<Written> {
        let stretches = self.claim(&mut batch).await?;
        if !batch.faults.is_empty() {
            return Ok(Written::Refused(all_of(batch.faults)));
        }
        if batch.indexed.is_empty() {
            return Ok(Written::Done);
        }
        let commit = CollectionCommit {
            name: self.name.as_str().to_owned(),
            id: Some(self.collection.id),
            version: Some(self.collection.version),
            created: None,
            documents: batch.read,
            stretches,
            writes: Vec::new(),
            indexed: batch.indexed,
        };
        let commit = Question::Commit(Commit {
            docs: vec![commit],
            ..Commit::default()
        });
        match kv::ask(self.manager, self.app, commit).await {
            Ok(Answered::Committed) => Ok(Written::Done),
            Ok(Answered::Conflict { .. }) => Ok(Written::Conflict),
            Ok(_) => Err(internal()),
            Err(refusal) if is_of_the_change(&refusal) => Ok(Written::Refused(refusal)),
            Err(refusal) => Err(refusal),
        }
    }

    /// Looks that no two documents have what is to be unique.
    async fn claim(&self, batch: &mut Batch) -> Answer<Vec<Stretch>> {
        if batch.claims.is_empty() || !batch.faults.is_empty() {
            return Ok(Vec::new());
        }
        let claims: Vec<Entry> = batch.claims.keys().cloned().collect();
        let (_, DocsFound::Claims { claims: found }) = self.ask(DocsAsk::Claims { claims }).await? else {
            return Err(internal());
        };
        let mut stretches = Vec::with_capacity(found.len());
        for ((claim, id), holders) in batch.claims.iter().zip(found) {
            if let Some(other) = holders.ids.iter().find(|other| *other != id) {
                batch.faults.push(self.not_unique(other, id, claim));
            }
            stretches.push(holders.stretch);
        }
        Ok(stretches)
    }

    fn not_unique(&self, one: &str, other: &str, claim: &Entry) -> Refusal {
        let index = self.new.index(claim.index);
        let path = index.map_or("", |index| index.path.as_str());
        problem(
            Code::DocumentTaken,
            format!(
                "The documents `{one}` and `{other}` have the same value at `{path}`, so it is not unique."
            ),
        )
    }
}

/// What became of a commit.
enum Written {
    Done,
    /// A document was written by others meanwhile.
    Conflict,
    /// The change as a whole cannot be.
    Refused(Refusal),
}

/// Whether what a commit was refused for is that the app would have too much.
fn is_of_the_change(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Problem(problem) => problem.code == Code::QuotaExceeded,
        _ => false,
    }
}

fn wrong(field: &str, message: String) -> Refusal {
    invalid(&[FieldError {
        field: field.to_owned(),
        message,
    }])
}

/// The first of several refusals, with what the others of its kind say.
fn all_of(refusals: Vec<Refusal>) -> Refusal {
    let mut problems = refusals.into_iter().filter_map(|refusal| match refusal {
        Refusal::Problem(problem) => Some(problem),
        _ => None,
    });
    let Some(mut first) = problems.next() else {
        return internal();
    };
    for other in problems
        .filter(|other| other.code == first.code)
        .collect::<Vec<_>>()
    {
        let more = other.extra.get("errors").and_then(Value::as_array).cloned();
        match (first.extra.get_mut("errors").and_then(Value::as_array_mut), more) {
            (Some(errors), Some(more)) => errors.extend(more),
            _ => first.detail = format!("{} {}", first.detail, other.detail),
        }
    }
    Refusal::Problem(first)
}

fn busy() -> Refusal {
    problem(
        Code::Conflict,
        "Scripts write one of the documents all the time. What is done stays; ask for the change again to go on with it.",
    )
}
