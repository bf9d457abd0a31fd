//! One compiled pattern, and searches whose cost is known before they run.
//!
//! The crate `regex` never takes more than linear time, but linear in text times pattern, and nothing can
//! interrupt it: a hostile pattern over a long text takes minutes. Here searches run on a lazy DFA, which takes
//! a few nanoseconds per byte or gives up. The slow but complete engine only finds groups within a match and
//! steps in where the DFA gave up, and only if text times pattern is small.

use regex_automata::{
    Anchored, Input, Match,
    hybrid::{
        dfa,
        regex::{Cache, Regex},
    },
    nfa::thompson::{
        Compiler, Config, NFA, WhichCaptures,
        pikevm::{self, PikeVM},
    },
    util::{captures::Captures, interpolate, iter::Searcher, primitives::PatternID, syntax},
};

use crate::{
    api::{
        argument::{Fallible, fail, spend_bytes},
        bounded::BoundedText,
    },
    gate,
};

/// Longest pattern.
const SOURCE_BYTES_MAX: usize = 4 * 1_024;

/// Largest compiled form of a pattern, in each direction.
const COMPILED_BYTES_MAX: usize = 512 * 1_024;

/// What each direction of the lazy DFA may keep.
const DFA_CACHE_BYTES_MAX: usize = 256 * 1_024;

/// Bytes of text times states of the pattern that the slow engine may work through in one search: at worst
/// about a tenth of a second.
const SLOW_WORK_MAX: usize = 20_000_000;

/// As much slow work takes about the time of one step of a script.
const SLOW_WORK_PER_OPERATION: usize = 20;

/// A compiled pattern with the memory that its engines work in.
pub(super) struct Pattern {
    source: Box<str>,
    fast: Regex,
    fast_cache: Cache,
    slow: PikeVM,
    slow_cache: pikevm::Cache,
}

impl Pattern {
    /// Counts the work and asks for the memory of compiling a pattern.
    pub(super) fn pay_for(source: &str) -> Fallible<()> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(fail(format!(
                "regex: the pattern is longer than {SOURCE_BYTES_MAX} bytes"
            )));
        }
        gate::reserve(3 * COMPILED_BYTES_MAX)?;
        gate::spend(100 + source.len() as u64)
    }

    /// Compiles a pattern that was paid for.
    pub(super) fn compile(source: &str) -> Fallible<Self> {
        let tree = syntax::parse(source).map_err(|error| fail(format!("regex: {error}")))?;
        let compile = |config: Config| {
            let config = config.nfa_size_limit(Some(COMPILED_BYTES_MAX));
            let nfa = Compiler::new().configure(config).build_from_hir(&tree);
            nfa.map_err(|_| fail("regex: the pattern is too large; use smaller repetitions"))
        };
        let forward = compile(Config::new())?;
        let backward = compile(Config::new().reverse(true).which_captures(WhichCaptures::None))?;
        let fast = Regex::builder().build_from_dfas(lazy(&forward)?, lazy_backward(&backward)?);
        let slow = PikeVM::new_from_nfa(forward).map_err(|error| fail(format!("regex: {error}")))?;
        Ok(Self {
            source: source.into(),
            fast_cache: fast.create_cache(),
            fast,
            slow_cache: slow.create_cache(),
            slow,
        })
    }

    /// The text that it was compiled from.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Makes it as it was when it was compiled. The fast engine remembers how it fared with earlier texts, and gives
    /// up sooner if that was badly; a run must not notice which texts others had.
    pub(super) fn forget_texts(&mut self) {
        self.fast.reset_cache(&mut self.fast_cache);
    }

    /// The first match.
    pub(super) fn find(&mut self, text: &str) -> Fallible<Option<Match>> {
        spend_bytes(text.len())?;
        self.search(&Input::new(text))
    }

    /// Calls `act` with each match, as long as it returns true.
    pub(super) fn for_each_match(
        &mut self,
        text: &str,
        mut act: impl FnMut(Match) -> Fallible<bool>,
    ) -> Fallible<()> {
        spend_bytes(text.len())?;
        let mut searcher = Searcher::new(Input::new(text));
        loop {
            gate::spend(1)?;
            let mut fault = None;
            // The searcher knows how to go on after an empty match; it has no room for our errors.
            let found = searcher.try_advance(|input| {
                self.search(input).or_else(|error| {
                    fault = Some(error);
                    Ok(None)
                })
            });
            if let Some(fault) = fault {
                return Err(fault);
            }
            match found {
                Ok(Some(found)) if act(found)? => {}
                _ => return Ok(()),
            }
        }
    }

    /// The groups of a match.
    pub(super) fn groups(&mut self, text: &str, found: Match) -> Fallible<Captures> {
        self.spend_slow(found.len())?;
        let input = Input::new(text).range(found.range()).anchored(Anchored::Yes);
        let mut groups = self.slow.create_captures();
        self.slow.captures(&mut self.slow_cache, input, &mut groups);
        Ok(groups)
    }

    /// The names of the groups in order, beginning with the whole match.
    pub(super) fn group_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.slow.get_nfa().group_info().pattern_names(PatternID::ZERO)
    }

    /// `text` with up to `limit` matches replaced.
    pub(super) fn replace(&mut self, text: &str, replacement: &str, limit: usize) -> Fallible<String> {
        let mut matches = Vec::new();
        self.for_each_match(text, |found| {
            if matches.len() == matches.capacity() {
                gate::reserve(2 * size_of_val(matches.as_slice()))?;
            }
            matches.push(found);
            Ok(matches.len() < limit)
        })?;
        let mut replaced = BoundedText::with_capacity(text.len())?;
        let mut piece = String::new();
        let mut from = 0;
        for found in matches {
            replaced.push(&text[from..found.start()])?;
            if replacement.contains('$') {
                let groups = self.groups(text, found)?;
                let nfa = self.slow.get_nfa();
                piece.clear();
                let references = replacement.matches('$').count();
                gate::reserve(replacement.len() + references.saturating_mul(found.len()))?;
                interpolate::string(
                    replacement,
                    |group, piece| {
                        if let Some(span) = groups.get_group(group) {
                            piece.push_str(&text[span.range()]);
                        }
                    },
                    |name| nfa.group_info().to_index(PatternID::ZERO, name),
                    &mut piece,
                );
                replaced.push(&piece)?;
            } else {
                replaced.push(replacement)?;
            }
            from = found.end();
        }
        replaced.push(&text[from..])?;
        Ok(replaced.finish())
    }

    fn search(&mut self, input: &Input<'_>) -> Fallible<Option<Match>> {
        match self.fast.try_search(&mut self.fast_cache, input) {
            Ok(found) => Ok(found),
            Err(_gave_up) => {
                self.spend_slow(input.get_span().len())?;
                Ok(self.slow.find_iter(&mut self.slow_cache, input.clone()).next())
            }
        }
    }

    fn spend_slow(&self, text_bytes: usize) -> Fallible<()> {
        let work = text_bytes.saturating_mul(self.slow.get_nfa().states().len());
        if work > SLOW_WORK_MAX {
            return Err(fail(
                "regex: the pattern is too complex for a text of this length; \
                 use smaller repetitions, or `(?-u:\\b)` in place of `\\b`",
            ));
        }
        gate::spend((work / SLOW_WORK_PER_OPERATION) as u64)
    }
}

fn lazy(nfa: &NFA) -> Fallible<dfa::DFA> {
    build(dfa::Config::new(), nfa)
}

fn lazy_backward(nfa: &NFA) -> Fallible<dfa::DFA> {
    let config = dfa::Config::new()
        .match_kind(regex_automata::MatchKind::All)
        .specialize_start_states(false);
    build(config, nfa)
}

fn build(config: dfa::Config, nfa: &NFA) -> Fallible<dfa::DFA> {
    let config = config
        .cache_capacity(DFA_CACHE_BYTES_MAX)
        .skip_cache_capacity_check(true)
        .unicode_word_boundary(true)
        .minimum_cache_clear_count(Some(4))
        .minimum_bytes_per_state(Some(10));
    dfa::Builder::new()
        .configure(config)
        .build_from_nfa(nfa.clone())
        .map_err(|error| fail(format!("regex: {error}")))
}
