//! Servers that do the same work in turn, so that whatever else the machine does meets all of them.

use super::{
    load::{Load, Measured, Question},
    process::Server,
    report::{Cell, progress},
    statistics::median,
};

/// One server with one piece of work.
pub(crate) struct Contender<'s> {
    pub(crate) name: String,
    pub(crate) server: &'s Server,
    pub(crate) question: Question,
    rested: bool,
    measured: Vec<Measured>,
}

impl<'s> Contender<'s> {
    /// Not measured yet.
    pub(crate) fn new(name: impl Into<String>, server: &'s Server, question: Question) -> Self {
        Self {
            name: name.into(),
            server,
            question,
            rested: false,
            measured: Vec::new(),
        }
    }

    /// To be measured only when its server has come to rest: one that still writes down what another contender
    /// made it do would have that counted here.
    pub(crate) fn rested(self) -> Self {
        Self { rested: true, ..self }
    }

    /// Processor time per request, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        median(self.measured.iter().map(|one| one.cpu_us_per_request))
    }

    /// What of that the threads take on which PiCloud answers.
    pub(crate) fn serving_us(&self) -> f64 {
        median(self.measured.iter().map(|one| one.serving_us_per_request))
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        median(self.measured.iter().map(|one| one.requests_per_second))
    }

    /// How many times less processor time this takes than `baseline`, round by round.
    pub(crate) fn ratio_to(&self, baseline: &Self) -> f64 {
        let rounds = baseline.measured.iter().zip(&self.measured);
        median(rounds.map(|(base, own)| base.cpu_us_per_request / own.cpu_us_per_request))
    }

    /// A row of the usual table: name, processor time, rate, and the ratio to each of `baselines`.
    pub(crate) fn row(&self, baselines: &[&Self]) -> Vec<Cell> {
        let mut row = vec![
            Cell::text(&self.name),
            Cell::Number(self.cpu_us(), 2),
            Cell::Number(self.rate(), 0),
        ];
        row.extend(
            baselines
                .iter()
                .map(|baseline| Cell::Number(self.ratio_to(baseline), 3)),
        );
        row
    }
}

/// Measures each once per round, after a second to warm up.
pub(crate) fn take_turns(contenders: &mut [Contender<'_>], load: Load, rounds: usize) -> anyhow::Result<()> {
    let warm_up = Load { seconds: 1, ..load };
    for contender in &*contenders {
        warm_up.run(contender.server, &contender.question)?;
    }
    for round in 1..=rounds {
        progress(&format!("round {round} of {rounds}"));
        for contender in &mut *contenders {
            if contender.rested {
                contender.server.rest()?;
            }
            contender
                .measured
                .push(load.run(contender.server, &contender.question)?);
        }
    }
    Ok(())
}
