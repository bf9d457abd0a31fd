//! Looking through documents for those that match, whatever the database.
//!
//! The walk says which candidates it wants next, and is given them; it keeps what matches, and knows what it has looked
//! at. So a page means the same on both databases.

use std::{collections::BTreeSet, ops::Range};

use picloud_shared::services::docs::{
    Definition, Document, FIND_BYTES_MAX, FilterError, Find, FoundPage, LOOKED_AT_BYTES_MAX, LOOKED_AT_MAX,
    Plan, Stretch,
};
use serde_json::Value;

/// Candidates that are wanted at most at one time. First there are as many as are to be found, then twice as many
/// each time.
const BATCH_MAX: u32 = 1_000;
/// Bytes of documents after which a batch ends.
pub(crate) const BATCH_BYTES_MAX: usize = 1_024 * 1_024;

/// What finds so many at most, and need not look at others, may be done where others wait meanwhile.
const SHORT_DOCUMENTS_MAX: u32 = 20;
/// In so many parts of an index at most.
const SHORT_RANGES_MAX: usize = 8;

/// A walk through the candidates.
pub(crate) struct Walk<'f> {
    find: &'f Find,
    except: BTreeSet<&'f str>,
    plan: Plan,
    /// What has not been looked at, in the order in which it will be.
    left: Vec<Range<Vec<u8>>>,
    /// Which of it is being looked at.
    current: usize,
    stretch: Stretch,
    batch: u32,
    looked_at: usize,
    bytes_looked_at: usize,
    page: FoundPage,
    bytes: usize,
    /// What has to be sorted, with its position.
    unsorted: Vec<(Vec<u8>, Document)>,
}

/// Which candidates are wanted.
pub(crate) struct Wanted<'w> {
    /// Through which index; by their ids if it is none.
    pub(crate) index: Option<i32>,
    pub(crate) low: &'w [u8],
    pub(crate) high: &'w [u8],
    pub(crate) is_descending: bool,
    /// At most so many, and fewer if they have more than [`BATCH_BYTES_MAX`].
    pub(crate) limit: u32,
}

/// A document that may match, where it stands.
pub(crate) struct Candidate {
    pub(crate) position: Vec<u8>,
    pub(crate) document: Document,
}

/// Why a walk has ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    /// What is asked for cannot be understood.
    #[error("{0}")]
    Filter(#[from] FilterError),
    /// It has looked at too much.
    #[error(
        "looked at {looked_at} documents without having found enough, which is the most that one call does; {advice}"
    )]
    TooMany { looked_at: usize, advice: String },
    /// The page before was found in another order.
    #[error("what is to be gone on with was found in another order")]
    OtherOrder,
    /// A document that is not JSON.
    #[error("a document is damaged: {0}")]
    Damaged(serde_json::Error),
}

impl<'f> Walk<'f> {
    /// Begins to look for what is asked, in a collection with this definition.
    pub(crate) fn new(definition: &Definition, find: &'f Find) -> Result<Self, WalkError> {
        let plan = Plan::new(definition, &find.selection)?;
        let mut left = plan.ranges().to_vec();
        if plan.is_descending() && !plan.is_to_be_sorted() {
            left.reverse();
        }
        let place = find.after.as_deref();
        let after = place
            .map(|place| plan.position_of(place).ok_or(WalkError::OtherOrder))
            .transpose()?;
        if let Some(after) = after.filter(|_| !plan.is_to_be_sorted()) {
            left = left
                .into_iter()
                .filter_map(|range| behind(range, after, plan.is_descending()))
                .collect();
        }
        let stretch = begun(plan.index(), left.first());
        Ok(Self {
            except: find.except.iter().map(String::as_str).collect(),
            batch: if plan.is_to_be_sorted() || find.only_count {
                BATCH_MAX
            } else {
                // One more tells whether there are more.
                find.limit.min(BATCH_MAX) + 1
            },
            find,
            plan,
            left,
            current: 0,
            stretch,
            looked_at: 0,
            bytes_looked_at: 0,
            page: FoundPage::default(),
            bytes: 0,
            unsorted: Vec::new(),
        })
    }

    /// Whether it will look at few documents, however many there are.
    pub(crate) fn is_short(&self) -> bool {
        let find = self.find;
        self.plan.is_decided()
            && !self.plan.is_to_be_sorted()
            && !find.only_count
            && find.except.is_empty()
            && find.limit <= SHORT_DOCUMENTS_MAX
            && self.left.len() <= SHORT_RANGES_MAX
    }

    fn is_descending(&self) -> bool {
        self.plan.is_descending() && !self.plan.is_to_be_sorted()
    }

    /// What is wanted next; nothing when the page is complete.
    pub(crate) fn wanted(&self) -> Option<Wanted<'_>> {
        if self.page.until.is_some() {
            return None;
        }
        let range = self.left.get(self.current)?;
        Some(Wanted {
            index: self.plan.index(),
            low: &range.start,
            high: &range.end,
            is_descending: self.is_descending(),
            limit: self.batch,
        })
    }

    /// Takes what was wanted. With fewer than were wanted there are no more in that part, unless `is_cut`.
    pub(crate) fn take(&mut self, candidates: Vec<Candidate>, is_cut: bool) -> Result<(), WalkError> {
        let is_last = !is_cut && candidates.len() < self.batch as usize;
        self.batch = (self.batch * 2).min(BATCH_MAX);
        for candidate in candidates {
            if self.is_full() {
                self.stop();
                return Ok(());
            }
            self.look_at(candidate)?;
        }
        if is_last {
            self.current += 1;
            let next = begun(self.plan.index(), self.left.get(self.current));
            let done = std::mem::replace(&mut self.stretch, next);
            self.page.stretches.push(done);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let is_kept = !self.find.only_count && !self.plan.is_to_be_sorted();
        is_kept && (self.page.documents.len() >= self.find.limit as usize || self.bytes > FIND_BYTES_MAX)
    }

    /// Ends before what has not been looked at.
    fn stop(&mut self) {
        let range = &self.left[self.current];
        let is_descending = self.is_descending();
        let until = if is_descending { &range.end } else { &range.start };
        if is_descending {
            self.stretch.low.clone_from(until);
        } else {
            self.stretch.high.clone_from(until);
        }
        // The range begins just behind what was looked at last, or where it did if that was nothing.
        self.page.until = Some(self.plan.place(until));
        let done = std::mem::replace(&mut self.stretch, begun(None, None));
        self.page.stretches.push(done);
    }

    fn look_at(&mut self, candidate: Candidate) -> Result<(), WalkError> {
        let Candidate { position, document } = candidate;
        self.looked_at += 1;
        self.bytes_looked_at += document.document.len();
        if self.looked_at > LOOKED_AT_MAX || self.bytes_looked_at > LOOKED_AT_BYTES_MAX {
            return Err(WalkError::TooMany {
                looked_at: self.looked_at - 1,
                advice: self.plan.advice(),
            });
        }
        self.stretch.count += 1;
        self.stretch.mark ^= document.version;
        let is_descending = self.is_descending();
        let range = &mut self.left[self.current];
        if is_descending {
            range.end = position;
        } else {
            range.start = just_behind(position);
        }
        if self.except.contains(document.id.as_str()) {
            return Ok(());
        }
        let is_read = !self.plan.is_decided() || (self.plan.is_to_be_sorted() && !self.find.only_count);
        let value = if is_read {
            serde_json::from_str(&document.document).map_err(WalkError::Damaged)?
        } else {
            Value::Null
        };
        if !self.plan.is_decided() && !self.plan.matches(&value) {
            return Ok(());
        }
        if self.find.only_count {
            self.page.count += 1;
        } else if self.plan.is_to_be_sorted() {
            let position = self.plan.position(&document.id, &value);
            let place = self.find.after.as_deref();
            let after = place.and_then(|place| self.plan.position_of(place));
            let is_wanted = after.is_none_or(|after| self.plan.is_behind(&position, after));
            if is_wanted {
                self.unsorted.push((position, document));
            }
        } else {
            self.bytes += document.document.len();
            self.page.documents.push(document);
        }
        Ok(())
    }

    /// What was found.
    pub(crate) fn finish(mut self) -> FoundPage {
        if self.find.only_count || !self.plan.is_to_be_sorted() {
            return self.page;
        }
        let plan = &self.plan;
        self.unsorted
            .sort_unstable_by(|left, right| plan.compare(&left.0, &right.0));
        let mut bytes = 0;
        for (position, document) in self.unsorted {
            if self.page.documents.len() >= self.find.limit as usize || bytes > FIND_BYTES_MAX {
                // Just before it, in either direction.
                let until = if plan.is_descending() {
                    just_behind(position)
                } else {
                    position
                };
                self.page.until = Some(plan.place(&until));
                break;
            }
            bytes += document.document.len();
            self.page.documents.push(document);
        }
        self.page
    }
}

/// A stretch that begins, and goes to the end, of which nothing has been looked at.
fn begun(index: Option<i32>, range: Option<&Range<Vec<u8>>>) -> Stretch {
    let Range { start, end } = range.cloned().unwrap_or_default();
    Stretch {
        index,
        low: start,
        high: end,
        count: 0,
        mark: 0,
        is_claim: false,
    }
}

/// The part of a range that is behind a cursor.
fn behind(range: Range<Vec<u8>>, after: &[u8], is_descending: bool) -> Option<Range<Vec<u8>>> {
    let Range { start, end } = range;
    let range = if is_descending {
        start..end.min(after.to_vec())
    } else {
        start.max(after.to_vec())..end
    };
    (range.start < range.end).then_some(range)
}

/// The smallest position after this one.
fn just_behind(mut position: Vec<u8>) -> Vec<u8> {
    position.push(0);
    position
}
