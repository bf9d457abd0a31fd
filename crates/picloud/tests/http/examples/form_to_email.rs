//! `examples/form-to-email`: what people write goes to a mailbox.

use crate::harness::{Answer, Postbox, TestCloud};

const HOST: &str = "post.localhost";

fn write(cloud: &TestCloud, form: &str) -> Answer {
    let call = cloud.call("POST", HOST, "/");
    let call = call.header("content-type", "application/x-www-form-urlencoded");
    call.body(form).send()
}

#[test]
fn what_somebody_writes_arrives() {
    let postbox = Postbox::start();
    let cloud = TestCloud::with()
        .flag("--smtp-url", &postbox.url())
        .flag("--smtp-from", "Cloud <cloud@example.com>")
        .start();
    cloud.deploy_example("form-to-email");
    assert!(cloud.get(HOST, "/").expect(200).text().contains("<form"));
    write(&cloud, "email=nobody&message=hello").expect(422);
    write(
        &cloud,
        "email=a%40example.com%0D%0ABcc%3A%20b%40example.com&message=hello",
    )
    .expect(422);
    let answer = write(&cloud, "email=ada%40example.com&message=Do+you+sell+gnomes%3F").expect(200);
    assert!(answer.text().contains("Thank you"), "{}", answer.text());
    let letters = postbox.letters();
    let [letter] = &letters[..] else {
        panic!("one letter: {letters:?}");
    };
    for expected in [
        "From: Cloud <cloud@example.com>",
        "To: you@example.com",
        "Reply-To: ada@example.com",
        "Do you sell gnomes?",
    ] {
        assert!(letter.contains(expected), "{expected} is not in {letter}");
    }
}

#[test]
fn without_a_mail_server_people_are_told_to_try_again() {
    let cloud = TestCloud::start();
    let app = cloud.deploy_example("form-to-email");
    write(&cloud, "email=ada%40example.com&message=hello").expect(502);
    let log = super::log_of(&app).join("\n");
    assert!(log.contains("PICLOUD_SMTP_URL"), "{log}");
}
