//! `examples/contact-form`: a form that says what is wrong.

use crate::harness::{Answer, TestCloud};

const HOST: &str = "contact-form.localhost";

#[track_caller]
fn send(cloud: &TestCloud, form: &str) -> Answer {
    let call = cloud
        .call("POST", HOST, "/")
        .header("content-type", "application/x-www-form-urlencoded");
    call.body(form).send()
}

/// The message beside the field of that name.
fn error_of(page: &str, field: &str) -> Option<String> {
    let from = page.find(&format!("name=\"{field}\""))?;
    let line = page[from..].split("<label").next()?;
    let message = line.split_once("class=\"error\" role=\"alert\">")?.1;
    Some(message.split_once('<')?.0.to_owned())
}

#[test]
fn the_form_is_shown_without_complaints() {
    let cloud = TestCloud::start();
    cloud.deploy_example("contact-form");
    let answer = cloud.get(HOST, "/").expect(200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    let page = answer.text();
    assert!(
        page.contains("<form method=\"post\">") && page.contains("<option>order</option>"),
        "{page}"
    );
    for field in ["name", "email", "subject", "message"] {
        assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
        assert_eq!(error_of(&page, field), None);
    }
}

#[test]
fn a_filled_form_is_thanked_for_and_logged() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("contact-form");
    let form =
        "name=Ada+%3Cb%3E&email=ada%40example.com&subject=order&message=Two+of+them%2C+please.&website=";
    let page = send(&cloud, form).expect(200).text();
    assert!(page.contains("Thank you, Ada &lt;b&gt;."), "{page}");
    assert_eq!(
        super::log_of(&app),
        ["order from ada@example.com Two of them, please."]
    );
}

#[test]
fn errors_stand_beside_their_fields_and_nothing_typed_is_lost() {
    let cloud = TestCloud::start();
    cloud.deploy_example("contact-form");
    let form = "name=%22Ada%22+%26+%3Cscript%3E&email=nowhere&subject=gossip&message=+++";
    let page = send(&cloud, form).expect(422).text();
    assert_eq!(error_of(&page, "name"), None);
    assert_eq!(
        error_of(&page, "email").as_deref(),
        Some("This does not look like an e-mail address.")
    );
    assert_eq!(
        error_of(&page, "subject").as_deref(),
        Some("Please choose what it is about.")
    );
    assert_eq!(
        error_of(&page, "message").as_deref(),
        Some("Please write a message.")
    );
    assert!(
        page.contains("value=\"&quot;Ada&quot; &amp; &lt;script&gt;\""),
        "{page}"
    );
    assert!(
        page.contains("value=\"nowhere\"") && !page.contains("<script>"),
        "{page}"
    );

    let page = send(&cloud, "subject=question").expect(422).text();
    assert_eq!(
        error_of(&page, "name").as_deref(),
        Some("Please tell us your name.")
    );
    assert!(page.contains("<option selected>question</option>"), "{page}");

    let long = format!("name=a&email=a%40b.c&subject=order&message={}", "x".repeat(2_001));
    let page = send(&cloud, &long).expect(422).text();
    assert_eq!(
        error_of(&page, "message").as_deref(),
        Some("Please keep it below 2000 characters.")
    );
}

#[test]
fn programs_are_thanked_and_ignored() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("contact-form");
    let page = send(&cloud, "name=Bot&website=https%3A%2F%2Fspam.example")
        .expect(200)
        .text();
    assert!(page.contains("Thank you"), "{page}");
    assert!(super::log_of(&app).is_empty());
}

#[test]
fn what_is_no_form_is_refused() {
    let cloud = TestCloud::start();
    cloud.deploy_example("contact-form");
    let call = cloud
        .call("POST", HOST, "/")
        .header("content-type", "application/json")
        .body("{}");
    let answer = call.send().expect(415);
    assert!(
        answer.json()["error"]
            .as_str()
            .is_some_and(|text| text.contains("application/json"))
    );
}
