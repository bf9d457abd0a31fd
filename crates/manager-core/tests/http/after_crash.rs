//! What follows when the server ended without a word. How a script comes to be named is tested with the executor, and
//! all of it together with the program.

use std::time::Duration;

use picloud_manager_core::answer_for_lost_runs;
use picloud_shared::{
    id::{AppId, ExecutionId, ScriptId},
    in_flight::{Ending, LostRun, LostWork},
    invocation::Trigger,
    time::Clock as _,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::TestManager;

const FAULT: Ending = Ending::Fault { signal: 11 };

/// A manager with a script, and the owner's token.
struct Bed {
    manager: TestManager,
    token: String,
    script: Value,
}

impl Bed {
    async fn new() -> Self {
        let (manager, token) = TestManager::owned().await;
        let body = json!({ "app_id": "default", "name": "x", "source": "1" });
        let made = manager
            .call(&token, "POST", "/api/v1/admin/scripts", Some(&body))
            .await;
        Self {
            script: made.expect(201).json(),
            manager,
            token,
        }
    }

    /// A new run of the script.
    fn run(&self, ending: Ending) -> LostRun {
        LostRun {
            work: LostWork::Script {
                app_id: AppId(id(&self.script["app_id"])),
                script_id: ScriptId(id(&self.script["id"])),
                version: 1,
                execution_id: ExecutionId::new(self.manager.clock.now()),
                trigger: Trigger::Execute,
            },
            ending,
        }
    }

    async fn answer_for(&self, runs: &[LostRun]) {
        self.manager.clock.advance(Duration::from_secs(1));
        answer_for_lost_runs(&*self.manager.store, runs, "attic", self.manager.clock.now())
            .await
            .expect("storage works");
    }

    async fn get(&self, path: &str) -> Value {
        self.manager
            .call(&self.token, "GET", path, None)
            .await
            .expect(200)
            .json()
    }

    /// The strikes of the script, and since when it is suspended.
    async fn strikes(&self) -> (Value, Value) {
        let path = format!("/api/v1/admin/scripts/{}", id(&self.script["id"]));
        let script = self.get(&path).await;
        (script["strikes"].clone(), script["suspended"]["at"].clone())
    }

    async fn records(&self) -> Vec<Value> {
        let list = self.get("/api/v1/admin/apps/default/executions").await;
        list["items"].as_array().expect("a list").clone()
    }
}

fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).expect("an id")
}

#[tokio::test]
async fn a_run_that_is_lost_is_recorded() {
    let bed = Bed::new().await;
    let run = bed.run(FAULT);
    bed.answer_for(&[run]).await;
    let records = bed.records().await;
    assert_eq!(records.len(), 1, "{records:?}");
    let record = &records[0];
    let LostWork::Script { execution_id, .. } = run.work else {
        panic!("a run of a script")
    };
    assert_eq!(id(&record["id"]), execution_id.0);
    assert_eq!(
        (&record["node"], &record["trigger"]),
        (&json!("attic"), &json!("execute"))
    );
    assert_eq!(record["started_at"], "2023-11-14T22:13:20.000Z");
    assert!(
        record["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("signal 11")),
        "{record}"
    );
}

#[tokio::test]
async fn one_end_of_the_server_is_one_strike_however_often_it_is_told() {
    let bed = Bed::new().await;
    let runs = [bed.run(Ending::OutOfMemory), bed.run(Ending::OutOfMemory)];
    for _ in 0..3 {
        bed.answer_for(&runs).await;
    }
    assert_eq!(bed.strikes().await, (json!(1), Value::Null));
    assert_eq!(bed.records().await.len(), 2);
    bed.answer_for(&[bed.run(FAULT)]).await;
    let (strikes, suspended) = bed.strikes().await;
    assert_eq!((strikes, suspended.is_string()), (json!(2), true));
}

#[tokio::test]
async fn strikes_are_shown_as_long_as_they_count() {
    let bed = Bed::new().await;
    bed.answer_for(&[bed.run(FAULT)]).await;
    assert_eq!(bed.strikes().await.0, 1);
    let path = "/api/v1/admin/auth/me";
    // The session must not end meanwhile.
    bed.manager.clock.advance(Duration::from_hours(23));
    bed.get(path).await;
    assert_eq!(bed.strikes().await.0, 1);
    bed.manager.clock.advance(Duration::from_hours(1));
    assert_eq!(bed.strikes().await.0, 0);
}

#[tokio::test]
async fn what_is_nobodys_fault_strikes_nobody() {
    let bed = Bed::new().await;
    for _ in 0..2 {
        bed.answer_for(&[bed.run(Ending::Outside)]).await;
    }
    assert_eq!(bed.strikes().await, (json!(0), Value::Null));
    assert_eq!(bed.records().await.len(), 2);
}

#[tokio::test]
async fn what_was_never_saved_or_is_gone_strikes_nobody() {
    let bed = Bed::new().await;
    let script = |app_id, script_id, version| LostRun {
        work: LostWork::Script {
            app_id,
            script_id,
            version,
            execution_id: ExecutionId::new(bed.manager.clock.now()),
            trigger: Trigger::Test,
        },
        ending: FAULT,
    };
    let app = AppId(id(&bed.script["app_id"]));
    let check = LostRun {
        work: LostWork::Check,
        ending: FAULT,
    };
    bed.answer_for(&[
        check,
        script(app, ScriptId(Uuid::nil()), 0),
        script(AppId(Uuid::nil()), ScriptId(Uuid::nil()), 7),
        script(app, ScriptId(id(&bed.script["id"])), 7),
    ])
    .await;
    assert_eq!(bed.strikes().await, (json!(0), Value::Null));
    let names: Vec<Value> = bed
        .records()
        .await
        .iter()
        .map(|record| record["script_name"].clone())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(
        names.contains(&json!("unsaved")) && names.contains(&json!("x")),
        "{names:?}"
    );
}
