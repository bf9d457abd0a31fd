//! An app's own users, and passwords.

use std::sync::Arc;

use http::HeaderValue;
use picloud_shared::{
    id::AppId,
    invocation::ScriptRequest,
    outcome::{Outcome, ScriptResponse},
    services::Question,
};
use uuid::Uuid;

use crate::support::{LIMITS, invocation, memory::MemoryHost, request, run_invocation, with_header};

const APP: AppId = AppId(Uuid::from_u128(1));
const OTHER: AppId = AppId(Uuid::from_u128(2));

const ADA: &str =
    "let ada = users::find(\"ada\") ?? users::create(#{name: \"Ada\", password: \"correct horse\"});\n";

fn run_with(host: &Arc<MemoryHost>, app: AppId, source: &str, request: ScriptRequest) -> Outcome {
    let mut invocation = invocation(source, LIMITS, request);
    Arc::make_mut(&mut invocation.script).app_id = app;
    run_invocation(host, invocation)
}

#[track_caller]
fn answer(host: &Arc<MemoryHost>, source: &str) -> ScriptResponse {
    let outcome = run_with(host, APP, source, request());
    outcome
        .result
        .unwrap_or_else(|error| panic!("{source}\n{error:?}"))
}

#[track_caller]
fn says(host: &Arc<MemoryHost>, source: &str, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&answer(host, source).body), expected);
}

/// The line of the cookie of somebody who signs in, and the request that has it.
fn signed_in(host: &Arc<MemoryHost>, source: &str) -> (String, ScriptRequest) {
    let line = String::from_utf8(answer(host, &format!("{ADA}{source}")).body.to_vec()).expect("text");
    let cookie = line.split(';').next().expect("a cookie").to_owned();
    (line, with_header(request(), "cookie", &format!("a=b; {cookie}")))
}

#[track_caller]
fn name_of(host: &Arc<MemoryHost>, app: AppId, request: &ScriptRequest) -> String {
    let source = "let user = request.user; if user == () { \"nobody\" } else { user.name }";
    let response = run_with(host, app, source, request.clone())
        .result
        .expect("an answer");
    String::from_utf8_lossy(&response.body).into_owned()
}

#[test]
fn a_session_is_a_cookie_of_its_app_until_it_is_ended() {
    let host = Arc::<MemoryHost>::default();
    let (line, of_ada) = signed_in(&host, "users::sign_in(ada)");
    assert!(
        line.starts_with("picloud_user=")
            && line.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"),
        "{line}"
    );
    assert_eq!(name_of(&host, APP, &of_ada), "Ada");
    assert_eq!(name_of(&host, OTHER, &of_ada), "nobody");
    assert_eq!(name_of(&host, APP, &request()), "nobody");
    let (_, elsewhere) = signed_in(&host, "users::sign_in(ada.id)");
    let out = run_with(&host, APP, "users::sign_out(request)", of_ada.clone());
    let line = out.result.expect("an answer").body;
    assert_eq!(
        &line[..],
        b"picloud_user=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    );
    assert_eq!(name_of(&host, APP, &of_ada), "nobody");
    assert_eq!(name_of(&host, APP, &elsewhere), "Ada");
    answer(&host, &format!("{ADA}users::sign_out_everywhere(ada.id)"));
    assert_eq!(name_of(&host, APP, &elsewhere), "nobody");
}

#[test]
fn what_ends_all_sessions_of_a_user() {
    for end in [
        "users::set_password(ada.id, \"battery staple\")",
        "users::update(ada.id, #{is_active: false})",
        "users::delete(ada.id)",
    ] {
        let host = Arc::<MemoryHost>::default();
        let (_, of_ada) = signed_in(&host, "users::sign_in(ada)");
        assert_eq!(name_of(&host, APP, &of_ada), "Ada");
        answer(&host, &format!("{ADA}{end}; 1"));
        assert_eq!(name_of(&host, APP, &of_ada), "nobody", "{end}");
    }
}

#[test]
fn a_cookie_that_was_changed_is_nobodys() {
    let host = Arc::<MemoryHost>::default();
    let (line, _) = signed_in(&host, "users::sign_in(ada)");
    let cookie = line.split(';').next().expect("a cookie");
    let (_, value) = cookie.split_once('=').expect("a value");
    let (id, secret) = value.split_once('.').expect("an id and a secret");
    let other = Uuid::from_u128(7);
    let (short, long) = (&secret[1..], format!("{secret}a"));
    for value in [
        format!("{other}.{secret}"),
        format!("{id}.{short}"),
        format!("{id}.{long}"),
        format!("{id}."),
        id.to_owned(),
        format!(".{secret}"),
        String::new(),
        "x".repeat(5_000),
    ] {
        let request = with_header(request(), "cookie", &format!("picloud_user={value}"));
        assert_eq!(name_of(&host, APP, &request), "nobody", "{value}");
    }
    let mut bytes = request();
    let value = HeaderValue::from_bytes(b"picloud_user=\xff").expect("a value");
    bytes.headers.insert("cookie", value);
    assert_eq!(name_of(&host, APP, &bytes), "nobody");
}

#[test]
fn over_https_the_cookie_is_for_this_host_alone() {
    let host = Arc::<MemoryHost>::default();
    let secure = |mut request: ScriptRequest| {
        request.scheme = "https";
        request
    };
    let outcome = run_with(
        &host,
        APP,
        &format!("{ADA}users::sign_in(ada)"),
        secure(request()),
    );
    let line = String::from_utf8(outcome.result.expect("an answer").body.to_vec()).expect("text");
    assert!(
        line.starts_with("__Host-picloud_user=") && line.ends_with("; Secure"),
        "{line}"
    );
    let cookie = line.split(';').next().expect("a cookie");
    let same = with_header(request(), "cookie", cookie);
    assert_eq!(name_of(&host, APP, &secure(same.clone())), "Ada");
    assert_eq!(name_of(&host, APP, &same), "nobody");
}

#[test]
fn who_is_signed_in_is_asked_only_where_it_matters() {
    let host = Arc::<MemoryHost>::default();
    let (_, of_ada) = signed_in(&host, "users::sign_in(ada)");
    let before = host.asked().len();
    run_with(&host, APP, "request.path", of_ada.clone())
        .result
        .expect("an answer");
    run_with(&host, APP, "request.user ?? 1", request())
        .result
        .expect("an answer");
    assert_eq!(host.asked().len(), before);
    run_with(&host, APP, "request.user.name", of_ada)
        .result
        .expect("an answer");
    assert_eq!(host.asked().len(), before + 1);
}

#[test]
fn users_are_no_keys_for_scripts() {
    let host = Arc::<MemoryHost>::default();
    answer(&host, &format!("{ADA}kv::set(\"a\", 1); \"\""));
    says(
        &host,
        &format!("{ADA}kv::set(\"b\", 1); `${{kv::list(\"\").entries.len}}`"),
        "2",
    );
    says(
        &host,
        "let refused = 0; let key = \"\\x00users/name/ada\";
         for f in [|| kv::get(key), || kv::set(key, 1), || kv::delete(key), || kv::has(key), || kv::incr(key), || kv::list(key),
                   || kv::list(\"\\x00\"), || kv::get_many([key]), || kv::set_many(#{[key]: 1}), || kv::compare_and_set(key, (), 1)] {
             try { f.call() } catch { refused += 1 }
         } `${refused}`"
            .replace("#{[key]: 1}", "#{\"\\x00users\": 1}")
            .as_str(),
        "10",
    );
    says(&host, "users::find(\"ada\").name", "Ada");
}

#[test]
fn names_and_addresses_are_given_once_and_freed() {
    let host = Arc::<MemoryHost>::default();
    let status = |source: &str| {
        let outcome = run_with(&host, APP, source, request());
        outcome
            .result
            .map_or_else(|error| panic!("{error:?}"), |response| response.status.as_u16())
    };
    let make = |name: &str, email: &str| {
        format!("users::create(#{{name: \"{name}\", email: \"{email}\", password: \"correct horse\"}})")
    };
    assert_eq!(status(&make("Ada", "ada@a.example")), 200);
    assert_eq!(status(&make("aDA", "b@a.example")), 409);
    assert_eq!(status(&make("Tom", "ADA@a.example")), 409);
    assert_eq!(host.len(), 3);
    assert_eq!(status(&make("Tom", "tom@a.example")), 200);
    assert_eq!(
        status("users::update(users::find(\"tom\").id, #{name: \"ADA\"})"),
        409
    );
    assert_eq!(
        status("users::update(users::find(\"tom\").id, #{email: \"ada@a.example\"})"),
        409
    );
    assert_eq!(
        status("users::update(users::find(\"ada\").id, #{name: \"ADA\", email: ()})"),
        200
    );
    assert_eq!(
        status("users::update(users::find(\"tom\").id, #{email: \"ada@a.example\"})"),
        200
    );
    assert_eq!(
        status("users::update(users::find(\"ada\").id, #{name: \"Eve\"})"),
        200
    );
    assert_eq!(status(&make("Ada", "new@a.example")), 200);
    for name in ["eve", "tom", "ada"] {
        assert_eq!(status(&format!("users::delete(users::find(\"{name}\").id)")), 200);
    }
    assert_eq!(host.len(), 0);
}

#[test]
fn a_user_is_shown_without_secrets() {
    let host = Arc::<MemoryHost>::default();
    signed_in(&host, "users::sign_in(ada)");
    let body = answer(
        &host,
        "[users::find(\"ada\"), users::list(#{}), users::verify(\"ada\", \"correct horse\")]",
    )
    .body;
    let text = String::from_utf8_lossy(&body);
    assert!(
        text.contains("last_sign_in_at") && !text.contains("hash") && !text.contains("session"),
        "{text}"
    );
}

#[test]
fn who_has_to_wait_is_told_so() {
    let host = Arc::<MemoryHost>::default();
    let guessed = answer(&host, "users::verify(\"Guessed\", \"correct horse\")");
    assert_eq!(guessed.status, 429);
    let header = guessed.headers.get("retry-after");
    assert_eq!(header.and_then(|value| value.to_str().ok()), Some("7"));
    assert_eq!(
        answer(&host, "users::verify(\"busy\", \"correct horse\")").status,
        503
    );
    says(
        &host,
        "try { users::verify(\"guessed\", \"x\") } catch (error) { return `${error.status} ${error.retry_after}` }",
        "429 7",
    );
}

#[test]
fn no_question_shows_a_password() {
    let host = Arc::<MemoryHost>::default();
    answer(
        &host,
        &format!("{ADA}users::verify(\"ada\", \"correct horse\"); 1"),
    );
    let asked = host.asked();
    assert!(
        asked
            .iter()
            .any(|question| matches!(question, Question::Password(_)))
    );
    let shown = format!(
        "{:?}",
        asked
            .iter()
            .filter(|question| matches!(question, Question::Password(_)))
            .collect::<Vec<_>>()
    );
    assert!(
        !shown.contains("Password(\"") && shown.contains("Password(…)"),
        "{shown}"
    );
}

#[test]
fn a_page_of_users_goes_on_at_its_cursor() {
    let host = Arc::<MemoryHost>::default();
    answer(
        &host,
        "for n in 0..7 { users::create(#{name: `user ${n}`, password: \"correct horse\"}) } 1",
    );
    says(
        &host,
        "let names = []; let cursor = ();
         loop {
             let page = users::list(#{q: \"User\", limit: 3, cursor: cursor});
             for user in page.items { names.push(user.name) }
             cursor = page.cursor;
             if cursor == () { break }
         } names.map(|name| name.sub_string(5)).join(\"\")",
        "0123456",
    );
    says(
        &host,
        "let cursor = users::list(#{limit: 1}).cursor; let said = \"\";
         try { users::list(#{q: \"a\", cursor: cursor}) } catch (error) { said = `${error}` }
         if said.contains(\"leave it out\") { \"refused\" } else { said }",
        "refused",
    );
}
