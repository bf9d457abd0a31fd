//! Documents of apps, and the commits of their scripts.

mod committing;
mod finding;

use picloud_shared::{
    id::AppId,
    services::{
        Answer, Commit, Question,
        docs::{
            CollectionCommit, Definition, DocPath, DocsAnswer, DocsAsk, DocsFound, DocsQuestion, Document,
            DocumentWrite, Find, FoundPage, Index, Selection,
        },
    },
};
use picloud_store::Store;
use serde_json::Value;
use uuid::Uuid;

use crate::{bed::Bed, fixtures::now};

/// A collection of one app, and how a run commits to it.
pub(crate) struct People<'s> {
    store: &'s Store,
    app: AppId,
    pub(crate) id: Uuid,
    version: i64,
    pub(crate) definition: Definition,
}

pub(crate) fn definition(indexes: &[(&str, bool)]) -> Definition {
    let indexes = indexes.iter().zip(1..).map(|((path, is_unique), id)| Index {
        id,
        path: DocPath::new(path).unwrap(),
        is_unique: *is_unique,
        is_ready: true,
    });
    Definition {
        indexes: indexes.collect(),
        ..Definition::default()
    }
}

pub(crate) fn nothing(name: &str) -> CollectionCommit {
    CollectionCommit {
        name: name.to_owned(),
        id: None,
        version: None,
        created: None,
        documents: Vec::new(),
        stretches: Vec::new(),
        writes: Vec::new(),
        indexed: Vec::new(),
    }
}

async fn ask(store: &Store, app: AppId, ask: DocsAsk) -> DocsAnswer {
    let question = Question::Docs(DocsQuestion {
        collection: "people".to_owned(),
        ask,
    });
    match store.answer_kv(app, question, now()).await.unwrap() {
        Answer::Docs(answer) => answer,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn commit(store: &Store, app: AppId, docs: Vec<CollectionCommit>) -> Answer {
    let commit = Commit {
        docs,
        ..Commit::default()
    };
    store
        .answer_kv(app, Question::Commit(commit), now())
        .await
        .unwrap()
}

impl<'s> People<'s> {
    /// Makes the collection.
    pub(crate) async fn make(store: &'s Store, app: AppId, definition: Definition) -> Self {
        let made = CollectionCommit {
            id: Some(Uuid::new_v4()),
            created: Some(definition),
            ..nothing("people")
        };
        assert_eq!(commit(store, app, vec![made]).await, Answer::Committed);
        let collection = ask(store, app, DocsAsk::Get { ids: Vec::new() })
            .await
            .collection
            .unwrap();
        Self {
            store,
            app,
            id: collection.id,
            version: collection.version,
            definition: collection.definition,
        }
    }

    /// A commit that has read the collection.
    pub(crate) fn read(&self) -> CollectionCommit {
        CollectionCommit {
            id: Some(self.id),
            version: Some(self.version),
            ..nothing("people")
        }
    }

    /// The write of a document that was `before`.
    pub(crate) fn write(&self, id: &str, before: Option<&Value>, document: Option<&Value>) -> DocumentWrite {
        let entries = |document: Option<&Value>| {
            document.map_or(Vec::new(), |document| self.definition.entries(document).unwrap())
        };
        let claims = |document: Option<&Value>| {
            document.map_or(Vec::new(), |document| self.definition.claims(document))
        };
        DocumentWrite {
            id: id.to_owned(),
            document: document.map(Value::to_string),
            added: entries(document),
            removed: entries(before),
            claims: [claims(before), claims(document)].concat(),
        }
    }

    async fn put_all(&self, documents: &[(String, Value)]) {
        for some in documents.chunks(500) {
            let writes = some
                .iter()
                .map(|(id, document)| self.write(id, None, Some(document)));
            let all = CollectionCommit {
                writes: writes.collect(),
                ..self.read()
            };
            assert_eq!(commit(self.store, self.app, vec![all]).await, Answer::Committed);
        }
    }

    pub(crate) async fn put(&self, id: &str, before: Option<&Value>, document: &Value) {
        let all = CollectionCommit {
            writes: vec![self.write(id, before, Some(document))],
            ..self.read()
        };
        assert_eq!(commit(self.store, self.app, vec![all]).await, Answer::Committed);
    }

    pub(crate) async fn delete(&self, id: &str, before: &Value) {
        let all = CollectionCommit {
            writes: vec![self.write(id, Some(before), None)],
            ..self.read()
        };
        assert_eq!(commit(self.store, self.app, vec![all]).await, Answer::Committed);
    }

    pub(crate) async fn get(&self, id: &str) -> Option<Document> {
        let ids = vec![id.to_owned()];
        match ask(self.store, self.app, DocsAsk::Get { ids }).await.found {
            DocsFound::Documents { mut documents } => documents.pop(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn find(
        &self,
        filter: Value,
        sort: Option<&str>,
        limit: u32,
        after: Option<Vec<u8>>,
    ) -> FoundPage {
        let find = find(filter, sort, limit, after);
        match ask(self.store, self.app, DocsAsk::Find(find)).await.found {
            DocsFound::Page(page) => page,
            other => panic!("{other:?}"),
        }
    }
}

fn find(filter: Value, sort: Option<&str>, limit: u32, after: Option<Vec<u8>>) -> Find {
    Find {
        selection: Selection {
            filter,
            sort: sort.map(str::to_owned),
        },
        after,
        limit,
        except: Vec::new(),
        only_count: false,
    }
}

fn ids(page: &FoundPage) -> Vec<&str> {
    page.documents
        .iter()
        .map(|document| document.id.as_str())
        .collect()
}

/// What all entries in indexes take.
pub(crate) async fn entry_bytes(bed: &Bed) -> u64 {
    let sum =
        "SELECT CAST(COALESCE(SUM(length(position) + length(document_id)), 0) AS BIGINT) FROM document_index";
    u64::try_from(bed.raw().await.number(sum).await).unwrap()
}
