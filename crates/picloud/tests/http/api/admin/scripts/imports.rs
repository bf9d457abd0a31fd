//! Scripts that import others of their app.

use std::{sync::Barrier, thread};

use serde_json::{Value, json};

use crate::harness::{Answer, App, TestCloud};

const PRICES: &str = "const VAT = 20;\nfn gross(net) { net + net * global::VAT / 100 }";

const SHOP: &str = "import \"prices\" as p;\nfn handle(request) {\n  p::gross(50) + p::VAT\n}";

/// How often two save at one moment; each time it would show with near certainty if they did not fit each other.
const ROUNDS: usize = 8;

const FIRST: &str = "fn first() { 1 }";
const BOTH: &str = "fn first() { 1 } fn second() { 1 }";

const CALLS_FIRST: &str = "import \"m\" as m; m::first()";
const CALLS_SECOND: &str = "import \"m\" as m; m::second()";

/// What comes of two requests that are sent at one moment.
fn at_once(one: impl FnOnce() -> Answer + Send, other: impl FnOnce() -> Answer) -> (Answer, Answer) {
    let together = Barrier::new(2);
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            together.wait();
            one()
        });
        together.wait();
        let other = other();
        (one.join().expect("an answer"), other)
    })
}

/// The errors in a source that is checked.
fn check(app: &App<'_>, body: &Value) -> Vec<Value> {
    let answer = app
        .cloud
        .owner()
        .post(&app.path("/scripts:check"), body)
        .expect(200)
        .json();
    let said = answer["diagnostics"].as_array().expect("diagnostics");
    let errors = said.iter().filter(|remark| remark["severity"] == "error");
    errors.cloned().collect()
}

#[test]
fn a_saved_module_is_live_for_all_that_import_it() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let prices = app.script("prices", PRICES);
    app.script("shop", SHOP).route("/", &["GET"]);
    let outer = "import \"shop\" as s; `${s::twice(1)}`";
    app.try_script(json!({ "name": "outer", "source": outer }))
        .problem(422, "script_invalid");
    cloud.get("a.test", "/").says("80");
    for vat in 0..10 {
        prices.save(&PRICES.replace("20", &(10 * vat).to_string()));
        cloud
            .get("a.test", "/")
            .says(&(50 + 5 * vat + 10 * vat).to_string());
    }
    // It is a script like any other.
    prices.save("const VAT = 1; fn gross(net) { 7 } fn handle(request) { gross(0) }");
    prices.route("/prices", &["GET"]);
    cloud.get("a.test", "/prices").says("7");
    cloud.get("a.test", "/").says("8");
}

#[test]
fn what_is_not_there_and_what_goes_in_a_circle_is_refused_with_its_place() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let problem = app
        .try_script(json!({ "name": "shop", "source": SHOP }))
        .problem(422, "script_invalid");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(1), &json!(8)));
    assert!(
        problem["message"].to_string().contains("no script `prices`"),
        "{problem}"
    );

    let a = app.script("a", "fn f() { 1 }");
    let b = app.script("b", "import \"a\" as a; fn f() { a::f() }");
    app.script("c", "import \"b\" as b; b::f()");
    let problem = a
        .try_save("// round\nimport \"c\" as c; fn f() { 1 }")
        .problem(422, "script_invalid");
    assert_eq!((&problem["line"], &problem["column"]), (&json!(2), &json!(8)));
    let message = problem["message"].as_str().expect("a message");
    assert!(
        message.starts_with("a → c → b → a import each other"),
        "{message}"
    );
    b.try_save("import \"b\" as b;").problem(422, "script_invalid");
    app.try_script(json!({ "name": "loop", "source": "for x in 0..9 { import \"a\" as a; }" }))
        .problem(422, "script_invalid");
}

#[test]
fn a_change_that_breaks_an_importer_is_refused() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let prices = app.script("prices", PRICES);
    app.script("shop", SHOP).route("/", &["GET"]);
    let without = "const VAT = 20;\nfn total(net) { net }";
    let problem = prices.try_save(without).problem(422, "script_invalid");
    assert_eq!(
        (&problem["script"], &problem["line"], &problem["column"]),
        (&json!("shop"), &json!(3), &json!(6))
    );
    assert!(
        problem["message"]
            .to_string()
            .contains("`prices` has no function `gross(_)`"),
        "{problem}"
    );
    let problem = prices
        .try_save(&format!("{PRICES}\nkv::set(\"x\", 1);"))
        .problem(422, "script_invalid");
    assert!(
        problem["message"].to_string().contains("because of its line 3"),
        "{problem}"
    );
    let said = check(&app, &json!({ "source": without, "name": "prices" }));
    assert!(
        said[0]["message"]
            .to_string()
            .contains("`shop` imports this script"),
        "{said:?}"
    );
    assert_eq!(check(&app, &json!({ "source": without })), Vec::<Value>::new());
    cloud.get("a.test", "/").says("80");

    // All at once it goes.
    let bundle = json!({
        "scripts": [
            { "name": "prices", "source": without },
            { "name": "shop", "source": "import \"prices\" as p; p::total(5)" },
        ],
        "routes": [{ "script": "shop", "path": "/", "methods": ["GET"] }],
    });
    cloud.owner().post(&app.path("/releases"), &bundle).expect(201);
    cloud.get("a.test", "/").says("5");
    cloud
        .owner()
        .post(&app.path("/releases/4:restore"), &json!({}))
        .expect(201);
    cloud.get("a.test", "/").says("80");
}

#[test]
fn an_importer_and_what_it_imports_fit_each_other_if_both_are_saved_at_one_moment() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let module = app.script("m", BOTH);
    let importer = app.script("importer", CALLS_FIRST);
    importer.route("/", &["GET"]);
    for round in 0..ROUNDS {
        let (of_importer, of_module) = at_once(|| importer.try_save(CALLS_SECOND), || module.try_save(FIRST));
        // Whichever came second saw the other one.
        let statuses = (of_importer.status, of_module.status);
        assert!(
            matches!(statuses, (200, 422) | (422, 200)),
            "round {round}: {statuses:?}"
        );
        cloud.get("a.test", "/").says("1");
        module.save(BOTH);
        importer.save(CALLS_FIRST);
    }
}

#[test]
fn a_new_importer_and_a_change_of_what_it_imports_fit_each_other() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    let module = app.script("m", BOTH);
    for round in 0..ROUNDS {
        let new = json!({ "name": "new", "source": CALLS_SECOND });
        let (made, saved) = at_once(|| app.try_script(new), || module.try_save(FIRST));
        let statuses = (made.status, saved.status);
        assert!(
            matches!(statuses, (201, 422) | (422, 200)),
            "round {round}: {statuses:?}"
        );
        if made.status == 201 {
            let id = made.json()["id"].as_str().expect("an id").to_owned();
            let run = format!("/api/v1/execute/{id}");
            cloud.anonymous().call("GET", &run).send().says("1");
            cloud.owner().delete(&format!("/admin/scripts/{id}")).expect(204);
        }
        module.save(BOTH);
    }
}

#[test]
fn a_script_that_others_import_keeps_its_name_and_stays() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    let prices = app.script("prices", PRICES);
    let shop = app.script("shop", SHOP);
    let importers = |problem: Value| problem["scripts"].clone();
    let owner = cloud.owner();
    let renamed = owner.patch(&prices.path(""), &json!({ "name": "costs" }));
    assert_eq!(importers(renamed.problem(409, "script_in_use")), json!(["shop"]));
    let deleted = owner.delete(&prices.path(""));
    assert_eq!(importers(deleted.problem(409, "script_in_use")), json!(["shop"]));
    let bundle = json!({ "scripts": [{ "name": "shop", "source": SHOP }], "routes": [] });
    owner
        .post(&app.path("/releases"), &bundle)
        .problem(422, "script_invalid");

    owner
        .patch(&shop.path(""), &json!({ "name": "store" }))
        .expect(200);
    shop.save("1");
    owner
        .patch(&prices.path(""), &json!({ "name": "costs" }))
        .expect(200);
    let back = json!({ "version": 1 });
    let problem = owner
        .post(&shop.path("/rollback"), &back)
        .problem(422, "script_invalid");
    assert!(
        problem["message"].to_string().contains("no script `prices`"),
        "{problem}"
    );
    owner.delete(&prices.path("")).expect(204);
}

#[test]
fn sources_that_are_not_saved_import_what_is_live() {
    let cloud = TestCloud::start();
    let app = cloud.app("a");
    app.script("prices", PRICES);
    let owner = cloud.owner();
    let run = |source: &str| {
        let answer = owner.post(
            &app.path("/scripts:run"),
            &json!({ "source": source, "request": {} }),
        );
        answer.expect(200).json()
    };
    assert_eq!(run(SHOP)["response"]["body"], "80");
    let missing = run("\nimport \"nothing\" as n; 1");
    assert_eq!(
        (&missing["error"]["kind"], &missing["error"]["line"]),
        (&json!("compile"), &json!(2))
    );
    let said = check(&app, &json!({ "source": "import \"prices\" as p;\np::net(1)" }));
    assert_eq!(
        (&said[0]["severity"], &said[0]["line"], &said[0]["column"]),
        (&json!("error"), &json!(2), &json!(4))
    );
}

#[test]
fn a_record_names_the_script_that_failed() {
    let cloud = TestCloud::start();
    let app = cloud.app_with_domain("a");
    app.script(
        "tools",
        "fn fail() {\n  log::warn(\"soon\");\n  throw \"here\"\n}",
    );
    let script = app.serve("/", "import \"tools\" as t;\n\nt::fail()");
    cloud.get("a.test", "/").problem(500, "script_error");
    let record = &app.executions("", 1)[0];
    let path = format!("/admin/executions/{}", record["id"].as_str().expect("an id"));
    let record = cloud.owner().get(&path).expect(200).json();
    assert_eq!(record["script_id"], script.id.as_str());
    let error = &record["error"];
    assert_eq!(
        (&error["script"], &error["line"]),
        (&json!("tools"), &json!(3)),
        "{error}"
    );
    assert_eq!(
        (&error["trace"][0]["function"], &error["trace"][0]["line"]),
        (&json!("fail"), &json!(3))
    );
    assert_eq!(
        (&record["logs"][0]["script"], &record["logs"][0]["line"]),
        (&json!("tools"), &json!(2))
    );
}
