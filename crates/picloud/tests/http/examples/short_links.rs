//! `examples/short-links`: a host for each team.

use serde_json::json;

use crate::harness::TestCloud;

#[test]
fn a_name_leads_to_another_place_for_each_team() {
    let cloud = TestCloud::start();
    cloud.deploy_example("short-links");
    for (host, target) in [
        (
            "garden.links.localhost",
            "https://example.com/garden/planting-plan-2026",
        ),
        (
            "workshop.links.localhost",
            "https://example.com/workshop/bench-drawings",
        ),
    ] {
        let answer = cloud.get(host, "/plan").expect(302);
        assert_eq!(answer.header("location"), Some(target), "{host}");
    }
    let all = cloud.get("workshop.links.localhost", "/").expect(200).json();
    assert_eq!(
        all,
        json!({ "plan": "https://example.com/workshop/bench-drawings" })
    );
}

#[test]
fn unknown_names_teams_and_hosts_are_not_found() {
    let cloud = TestCloud::start();
    cloud.deploy_example("short-links");
    let answer = cloud
        .get("workshop.links.localhost", "/weather")
        .expect(404)
        .json();
    assert_eq!(answer, json!({ "error": "workshop has no link weather" }));
    let answer = cloud.get("kitchen.links.localhost", "/plan").expect(404).json();
    assert_eq!(answer, json!({ "error": "there is no team kitchen" }));
    cloud.get("links.localhost", "/plan").problem(404, "unknown_host");
    cloud
        .get("a.garden.links.localhost", "/plan")
        .problem(404, "unknown_host");
}
