//! Places under the hands of many threads, and who gets one.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use picloud_shared::limits::Limits;

use super::{
    AppBounds, AppGate, Full, ScriptGate,
    gate::Running,
    places::{Places, Turn},
};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn places_go_to_those_who_wait_in_their_order() {
    let places = Places::new(1);
    let taken = places.take().expect("a free place");
    let (mut first, mut second) = (Box::pin(places.wait(Turn::Own)), Box::pin(places.wait(Turn::Own)));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    assert_eq!(places.taken_and_waiting(), (1, 2));

    drop(taken);
    assert!(places.take().is_none(), "nobody overtakes those who wait");
    assert!(poll(second.as_mut()).is_pending(), "the second is second");
    let Poll::Ready(taken) = poll(first.as_mut()) else {
        panic!("it is the turn of the first");
    };
    drop(taken);
    assert!(poll(second.as_mut()).is_ready());
    assert_eq!(places.taken_and_waiting(), (0, 0));
}

#[test]
fn who_gives_up_leaves_the_queue_and_hands_on_what_was_granted() {
    let places = Places::new(1);
    let taken = places.take().expect("a free place");
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(places.wait(Turn::Own))).collect();
    for future in &mut waiting {
        assert!(poll(future.as_mut()).is_pending());
    }
    drop(waiting.remove(1));
    assert_eq!(places.taken_and_waiting(), (1, 2));
    drop(taken);
    // Granted to the first, which goes away before it notices.
    drop(waiting.remove(0));
    assert!(poll(waiting.remove(0).as_mut()).is_ready());
    assert_eq!(places.taken_and_waiting(), (0, 0));
}

#[test]
fn the_patient_let_the_others_go_first_but_not_for_ever() {
    let places = Places::new(1);
    let mut taken = places.take();
    let mut patient = Box::pin(places.wait(Turn::Patient));
    assert!(poll(patient.as_mut()).is_pending());
    let mut before = 0;
    loop {
        let mut other = Box::pin(places.wait(Turn::Own));
        assert!(poll(other.as_mut()).is_pending());
        drop(taken.take());
        match poll(other.as_mut()) {
            Poll::Ready(place) => taken = Some(place),
            Poll::Pending => break,
        }
        before += 1;
        assert!(poll(patient.as_mut()).is_pending(), "{before}");
    }
    assert_eq!(before, 8);
    assert!(poll(patient.as_mut()).is_ready());
    assert_eq!(places.taken_and_waiting(), (0, 0), "whoever else waited is gone");
}

#[test]
fn more_places_are_granted_at_once_and_fewer_as_they_are_given_back() {
    let places = Places::new(1);
    let first = places.take().expect("a free place");
    let mut waiting: Vec<_> = (0..2).map(|_| Box::pin(places.wait(Turn::Own))).collect();
    for future in &mut waiting {
        assert!(poll(future.as_mut()).is_pending());
    }
    places.set_max(3);
    let granted: Vec<_> = waiting.iter_mut().map(|future| poll(future.as_mut())).collect();
    assert!(granted.iter().all(Poll::is_ready));
    places.set_max(1);
    drop(first);
    assert!(places.take().is_none());
    drop(granted);
    assert!(places.take().is_some());
}

#[test]
fn threads_never_have_more_places_than_there_are_and_nobody_is_forgotten() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 20_000;
    const MAX: u32 = 2;
    let places = Arc::new(Places::new(MAX));
    let (inside, start) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(THREADS)));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (places, inside, start) = (Arc::clone(&places), Arc::clone(&inside), Arc::clone(&start));
            thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .expect("a runtime");
                start.wait();
                for round in 0..ROUNDS {
                    // Some only look, some go away, and most wait.
                    let place = match (round + thread) % 5 {
                        0 => places.take(),
                        1 => match poll(pin!(places.wait(Turn::Own))) {
                            Poll::Ready(place) => Some(place),
                            Poll::Pending => None,
                        },
                        _ => Some(runtime.block_on(places.wait(Turn::Own))),
                    };
                    if place.is_some() {
                        let others = inside.fetch_add(1, Ordering::SeqCst);
                        assert!(others < MAX as usize, "{others} others have a place");
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(places.taken_and_waiting(), (0, 0));
}

fn limits(concurrency_max: u32) -> Limits {
    Limits {
        concurrency_max,
        ..Limits::DEFAULT
    }
}

fn app(runs_max: u32, waiting_max: u32) -> Arc<AppGate> {
    Arc::new(AppGate::new(AppBounds {
        runs_max,
        waiting_max,
        wait_max: Duration::from_secs(1),
    }))
}

/// Whether a run was let in, refused, or waits.
fn asked(future: Pin<&mut impl Future<Output = Result<Running<'static>, Full>>>) -> Poll<Option<Full>> {
    poll(future).map(Result::err)
}

#[tokio::test(start_paused = true)]
async fn an_apps_queue_is_bounded_in_length_and_in_time() {
    let gate: &'static ScriptGate = Box::leak(Box::new(ScriptGate::new(&app(1, 1), &Limits::DEFAULT, None)));
    let running = gate.enter().expect("a free place");
    assert!(gate.enter().is_none());
    let mut waiting = Box::pin(gate.wait());
    assert!(asked(waiting.as_mut()).is_pending());
    assert_eq!(asked(pin!(gate.wait())), Poll::Ready(Some(Full::Queue)));
    assert_eq!(waiting.await.err(), Some(Full::Waited));

    let mut waiting = Box::pin(gate.wait());
    assert!(asked(waiting.as_mut()).is_pending());
    drop(running);
    assert_eq!(waiting.await.err(), None);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_patient_is_not_counted_and_waits_for_any_time() {
    let gate: &'static ScriptGate = Box::leak(Box::new(ScriptGate::new(&app(1, 1), &Limits::DEFAULT, None)));
    let running = gate.enter().expect("a free place");
    let mut patient = Box::pin(gate.wait_patiently());
    assert!(poll(patient.as_mut()).is_pending());
    let mut waiting = Box::pin(gate.wait());
    assert!(asked(waiting.as_mut()).is_pending(), "the queue has room for it");
    assert_eq!(waiting.await.err(), Some(Full::Waited));
    assert!(poll(patient.as_mut()).is_pending());
    drop(running);
    assert!(poll(patient.as_mut()).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_full_script_keeps_no_other_script_of_its_app_out() {
    let app = app(2, 10);
    let narrow: &'static ScriptGate = Box::leak(Box::new(ScriptGate::new(&app, &limits(1), None)));
    let wide = ScriptGate::new(&app, &Limits::DEFAULT, None);
    let running = narrow.enter().expect("a free place");
    let mut waiting = Box::pin(narrow.wait());
    assert!(asked(waiting.as_mut()).is_pending());
    let other = wide
        .enter()
        .expect("who waits for the narrow script holds no place of the app");
    assert!(wide.enter().is_none(), "two places, and two runs");
    // Now it has its script's place, but somebody is faster with the app's.
    drop(running);
    let third = wide.enter().expect("a free place");
    assert!(asked(waiting.as_mut()).is_pending());
    drop((third, other));
    assert!(waiting.await.is_ok());
}

#[test]
fn a_scripts_places_outlive_its_release() {
    let app = app(10, 0);
    let first = ScriptGate::new(&app, &limits(1), None);
    let running = first.enter().expect("a free place");
    let second = ScriptGate::new(&app, &limits(1), Some(&first));
    assert!(
        second.enter().is_none(),
        "the run of the old release still counts"
    );
    drop(running);
    assert!(second.enter().is_some());
}
