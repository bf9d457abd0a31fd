//! `examples/guestbook`: users who join, sign in and write.

use crate::harness::{Answer, TestCloud};

const HOST: &str = "guestbook.localhost";

fn post(cloud: &TestCloud, path: &str, cookie: &str, form: &str) -> Answer {
    cloud
        .call("POST", HOST, path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
        .body(form)
        .send()
}

fn page(cloud: &TestCloud, cookie: &str) -> String {
    cloud
        .call("GET", HOST, "/")
        .header("cookie", cookie)
        .send()
        .expect(200)
        .text()
}

fn cookie(answer: &Answer) -> String {
    let line = answer.header("set-cookie").expect("a cookie");
    line.split(';').next().expect("a cookie").to_owned()
}

#[test]
fn who_joins_writes_and_everybody_reads() {
    let cloud = TestCloud::start();
    cloud.deploy_example("guestbook");
    assert!(page(&cloud, "").contains("Nobody has written yet."));
    let joined = post(
        &cloud,
        "/account/join",
        "",
        "name=Ada+%3CL%3E&password=correct+horse",
    )
    .expect(303);
    assert_eq!(joined.header("location"), Some("/"));
    let ada = cookie(&joined);
    assert!(page(&cloud, &ada).contains("You are Ada &lt;L&gt;."));
    post(&cloud, "/", &ada, "text=*Hello*+%3Cscript%3E").expect(303);
    let read = page(&cloud, "");
    assert!(
        read.contains("<h2>Ada &lt;L&gt;</h2><p><em>Hello</em> &lt;script&gt;</p>"),
        "{read}"
    );

    let left = post(&cloud, "/account/leave", &ada, "").expect(303);
    assert!(cookie(&left).ends_with('='));
    post(&cloud, "/", &ada, "text=again").expect(401);
    let entered = post(
        &cloud,
        "/account/enter",
        "",
        "name=ada+%3Cl%3E&password=correct+horse",
    )
    .expect(303);
    post(&cloud, "/", &cookie(&entered), "text=again").expect(303);
}

#[test]
fn what_is_wrong_is_said() {
    let cloud = TestCloud::start();
    cloud.deploy_example("guestbook");
    post(&cloud, "/", "", "text=hello").expect(401);
    post(&cloud, "/account/join", "", "name=Ada&password=short").expect(422);
    post(&cloud, "/account/join", "", "name=Ada&password=correct+horse").expect(303);
    post(&cloud, "/account/join", "", "name=ada&password=correct+horse").expect(409);
    post(&cloud, "/account/enter", "", "name=Ada&password=wrong+horse").expect(401);
    post(&cloud, "/account/fly", "", "").expect(404);
}
