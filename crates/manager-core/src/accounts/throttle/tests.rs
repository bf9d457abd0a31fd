//! Over time, by a clock that is set.

use std::net::Ipv4Addr;

use super::*;

const START: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

/// Fails once for `name` from a fresh address at `now`; how long to wait if that is refused.
fn fail(throttle: &Throttle, name: &str, last: u8, now: Timestamp) -> Option<Duration> {
    throttle.begin(Who::Account(name), address(last), now).err()
}

#[test]
fn after_five_failures_each_wait_doubles_up_to_a_quarter_of_an_hour() {
    let throttle = Throttle::default();
    let mut now = START;
    for _ in 0..5 {
        assert_eq!(fail(&throttle, "ada", 1, now), None);
    }
    let mut waits = Vec::new();
    for round in 0..12 {
        let Some(wait) = fail(&throttle, "ADA", 100 + round, now) else {
            panic!("no wait in round {round}")
        };
        waits.push(wait.as_secs());
        now = now.plus(wait);
        assert_eq!(fail(&throttle, "ada", 100 + round, now), None, "round {round}");
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    assert_eq!(
        fail(&throttle, "grace", 1, now),
        None,
        "others are not slowed down"
    );
    let tomorrow = now.plus(MEMORY);
    assert_eq!(fail(&throttle, "ada", 1, tomorrow), None);
    assert_eq!(fail(&throttle, "ada", 1, tomorrow), None, "a fresh start");
}

#[test]
fn success_starts_afresh_and_what_was_not_tried_does_not_count() {
    let throttle = Throttle::default();
    for _ in 0..100 {
        match throttle.begin(Who::Account("ada"), address(1), START) {
            Ok(attempt) => attempt.withdrawn(),
            Err(wait) => panic!("wait {wait:?}"),
        }
    }
    for _ in 0..4 {
        assert_eq!(fail(&throttle, "ada", 1, START), None);
    }
    if let Ok(attempt) = throttle.begin(Who::Account("ada"), address(1), START) {
        attempt.succeeded();
    }
    for _ in 0..5 {
        assert_eq!(fail(&throttle, "ada", 1, START), None);
    }
    assert!(fail(&throttle, "ada", 1, START).is_some());
}

#[test]
fn what_was_not_tried_does_not_begin_a_wait_anew() {
    let throttle = Throttle::default();
    for _ in 0..6 {
        let _ = fail(&throttle, "ada", 1, START);
    }
    let later = START.plus(Duration::from_secs(1));
    for _ in 0..2 {
        match throttle.begin(Who::Account("ada"), address(1), later) {
            Ok(attempt) => attempt.withdrawn(),
            Err(wait) => panic!("wait {wait:?}"),
        }
    }
    assert_eq!(fail(&throttle, "ada", 1, later), None, "it counted as nothing");
    assert!(fail(&throttle, "ada", 1, later).is_some());
}

#[test]
fn an_address_has_twenty_failures_a_minute() {
    let throttle = Throttle::default();
    for name in 0..20 {
        assert_eq!(fail(&throttle, &name.to_string(), 1, START), None);
    }
    assert_eq!(fail(&throttle, "other", 1, START), Some(ADDRESS_WINDOW));
    assert_eq!(fail(&throttle, "other", 2, START), None);
    assert_eq!(fail(&throttle, "other", 1, START.plus(ADDRESS_WINDOW)), None);
}

#[test]
fn memory_is_bounded_and_the_most_guessed_stay() {
    let mut map = HashMap::new();
    for key in 0..10_u32 {
        let count = if key == 3 { 9 } else { 1 };
        make_room(&mut map, &key, 5);
        map.insert(key, Failures { count, since: START });
    }
    assert_eq!(map.len(), 5);
    assert!(map.contains_key(&3) && map.contains_key(&9));
}

#[test]
fn one_household_is_one_address() {
    let parse = |text: &str| text.parse::<IpAddr>().unwrap_or(address(0));
    assert_eq!(network(parse("2001:db8::1")), network(parse("2001:db8::ffff:1")));
    assert_ne!(network(parse("2001:db8::1")), network(parse("2001:db8:0:1::1")));
    assert_eq!(network(parse("::ffff:192.0.2.1")), address(1));
}

/// The owner of `name` signs in.
fn sign_in(throttle: &Throttle, name: &str, last: u8, now: Timestamp) -> Result<(), Duration> {
    throttle
        .begin(Who::Account(name), address(last), now)
        .map(Attempt::succeeded)
}

#[test]
fn who_comes_from_a_known_address_is_not_held_up_by_strangers() {
    let throttle = Throttle::default();
    assert_eq!(sign_in(&throttle, "Ada", 1, START), Ok(()));
    let mut now = START;
    // A stranger takes every turn there is, for a week.
    while now < START.plus(Duration::from_hours(7 * 24)) {
        if let Some(wait) = fail(&throttle, "ada", 2, now) {
            now = now.plus(wait);
        }
    }
    let _ = fail(&throttle, "ada", 2, now);
    assert!(
        sign_in(&throttle, "ada", 3, now).is_err(),
        "from elsewhere it waits"
    );
    assert_eq!(sign_in(&throttle, "ada", 1, now), Ok(()));
    assert!(
        fail(&throttle, "ada", 2, now).is_some(),
        "nothing is forgiven to the stranger"
    );
}

#[test]
fn a_known_address_is_no_way_to_guess_faster() {
    let throttle = Throttle::default();
    assert_eq!(sign_in(&throttle, "ada", 1, START), Ok(()));
    for _ in 0..5 {
        assert_eq!(fail(&throttle, "ada", 1, START), None);
    }
    assert_eq!(fail(&throttle, "ada", 1, START), Some(FIRST_WAIT));
    assert_eq!(
        fail(&throttle, "grace", 1, START),
        None,
        "it is known for one account"
    );
}

#[test]
fn an_address_is_known_for_thirty_days_after_the_last_time() {
    let throttle = Throttle::default();
    assert_eq!(sign_in(&throttle, "ada", 1, START), Ok(()));
    let later = START.plus(Duration::from_hours(29 * 24));
    throttle.knows("ada", address(1), later);
    let guess_from = |last: u8, now: Timestamp| {
        for other in 100..106 {
            let _ = fail(&throttle, "ada", other, now);
        }
        sign_in(&throttle, "ada", last, now)
    };
    assert_eq!(guess_from(1, later.plus(Duration::from_hours(29 * 24))), Ok(()));
    assert!(guess_from(1, later.plus(Duration::from_hours(60 * 24))).is_err());
}

#[test]
fn a_session_counts_for_itself() {
    let throttle = Throttle::default();
    let (one, two) = (SessionId::new(START), SessionId::new(START));
    for _ in 0..100 {
        let _ = fail(&throttle, "ada", 1, START);
    }
    let prove = |session, last| throttle.begin(Who::Session(session), address(last), START);
    for _ in 0..4 {
        assert!(prove(one, 1).is_ok(), "what others did at sign-in does not count");
    }
    if let Ok(attempt) = prove(one, 1) {
        attempt.succeeded();
    }
    for last in 0..5 {
        assert!(prove(one, last).is_ok());
    }
    assert_eq!(prove(one, 9).err(), Some(FIRST_WAIT), "from wherever it is used");
    assert!(prove(two, 1).is_ok());
}

#[test]
fn no_app_holds_up_who_asks_another() {
    let throttle = Throttle::default();
    let [one, two] = [1, 2].map(|number| AppId(uuid::Uuid::from_u128(number)));
    for number in 0..FAILURES_PER_ADDRESS_MAX {
        let name = format!("nobody-{number}");
        assert!(throttle.begin(Who::User(one, &name), address(1), START).is_ok());
    }
    assert!(throttle.begin(Who::User(one, "ada"), address(1), START).is_err());
    assert!(throttle.begin(Who::User(two, "ada"), address(1), START).is_ok());
    assert!(throttle.begin(Who::Account("ada"), address(1), START).is_ok());
}
