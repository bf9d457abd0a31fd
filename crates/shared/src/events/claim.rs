//! What a node asks for when it claims, and what it gets.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Batch, Leased};
use crate::{
    id::{AppId, ScriptId, SubscriptionId},
    time::Timestamp,
};

/// What waits for one subscription, for one schedule, or for a script directly: the queues of an app take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(pub Uuid);

impl From<SubscriptionId> for QueueId {
    fn from(subscription: SubscriptionId) -> Self {
        Self(subscription.0)
    }
}

/// How a queue is claimed from, if not one by one and as much as its share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueTerms {
    /// Of which app it is.
    pub app_id: AppId,
    /// How many runs of it may be going on all nodes together.
    pub runs_max: Option<u32>,
    /// Whether a run gets several of its events.
    pub batch: Option<Batch>,
}

/// What a node asks for. Each run takes a place, however many events it gets.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Which node.
    pub node: String,
    /// For how many runs at most.
    pub places: u32,
    /// How many of one app the node may hold, with those that it holds already.
    pub per_app_max: u32,
    /// A queue may hold at most so many times as many places as are free in its app: so something is left for others,
    /// however much waits in it.
    pub share: u32,
    /// How many of each app it holds already, if any.
    pub held: HashMap<AppId, u32>,
    /// The same of each queue.
    pub held_in_queues: HashMap<QueueId, u32>,
    /// The queues that have terms of their own.
    pub queues: HashMap<QueueId, QueueTerms>,
    /// Scripts of which the node holds as much as it can use.
    pub full: HashSet<ScriptId>,
    /// Until when the leases last.
    pub lease_until: Timestamp,
}

impl Claim {
    /// How many of an app it may still get.
    pub fn room_of(&self, app: AppId) -> u32 {
        let held = self.held.get(&app).copied().unwrap_or(0);
        self.per_app_max.saturating_sub(held)
    }

    /// How many of a queue it may still get, as far as its app and its share go.
    pub fn room_in(&self, app: AppId, queue: QueueId) -> u32 {
        let free = self.room_of(app);
        let held = self.held_in_queues.get(&queue).copied().unwrap_or(0);
        // The most that can be added so that what it holds then is no more than `share` times what is free then.
        let (share, held) = (u64::from(self.share), u64::from(held));
        let more = (share * u64::from(free)).saturating_sub(held).div_ceil(share + 1);
        u32::try_from(more).unwrap_or(u32::MAX).min(free)
    }
}

/// What a node gets.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Those of each queue in the order in which they were due; those of one [batch](Leased::batch) stand together.
    pub leased: Vec<Leased>,
    /// When there is something to claim next: now or earlier if there was more than was asked for. What is due and
    /// [left out](Self::has_more) does not count; what is not due yet does, whether there is room for it now or not, and so
    /// do leases of other nodes. None if nothing else waits.
    pub next_due: Option<Timestamp>,
    /// Whether something is due that was left out, because as much of its app, its queue or its script is held or runs as
    /// may.
    pub has_more: bool,
    /// How many were due that cannot be read; they are dead now, and whoever was behind one of them may be due.
    pub set_aside: u32,
    /// Whether more of those are still leased to the node, because storage failed before they were dead.
    pub leaves_strays: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(share: u32, held: u32, in_queue: u32) -> (Claim, AppId, QueueId) {
        let (app, queue) = (AppId(Uuid::nil()), QueueId(Uuid::nil()));
        let claim = Claim {
            node: "a".to_owned(),
            places: 512,
            per_app_max: 128,
            share,
            held: HashMap::from([(app, held)]),
            held_in_queues: HashMap::from([(queue, in_queue)]),
            queues: HashMap::new(),
            full: HashSet::new(),
            lease_until: Timestamp::from_micros(0),
        };
        (claim, app, queue)
    }

    #[test]
    fn a_queue_leaves_something_for_others() {
        let room = |share, held, in_queue| {
            let (claim, app, queue) = claim(share, held, in_queue);
            claim.room_in(app, queue)
        };
        assert_eq!(room(3, 0, 0), 96);
        assert_eq!(room(3, 96, 96), 0);
        // Another one gets its share of the rest, and one more has something even then.
        assert_eq!(room(3, 96, 0), 24);
        assert_eq!(room(3, 127, 0), 1);
        assert_eq!(room(3, 128, 0), 0);
        // What became free goes to who holds less.
        assert_eq!(room(3, 100, 90), 0);
        assert_eq!(room(3, 100, 10), 19);
        assert_eq!(room(u32::MAX, 0, 0), 128);
    }

    #[test]
    fn one_queue_alone_takes_its_share_and_no_more() {
        let (mut claim, app, queue) = claim(3, 0, 0);
        loop {
            let more = claim.room_in(app, queue);
            if more == 0 {
                break;
            }
            for held in [claim.held.get_mut(&app), claim.held_in_queues.get_mut(&queue)] {
                *held.expect("it is there") += more;
            }
        }
        assert_eq!(claim.held[&app], 96);
    }
}
