//! What a simulation came to: plain data, for a table, a document or a page.

use serde::Serialize;

pub use super::estimate::Estimate;
use super::measure::Measure;
use super::run::Run;
pub use super::series::Series;
use super::{Contender, Simulation};

/// A fleet under several policies.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// The version of this document.
    pub schema: u32,
    /// What the fleet says of itself.
    pub about: String,
    /// How many pipelines it has.
    pub pipelines: usize,
    /// When it begins.
    pub start: String,
    /// For how many hours changes come.
    pub hours: f64,
    /// What was drawn from.
    pub seeds: Vec<u64>,
    /// How sure the intervals are.
    pub confidence: f64,
    /// Doing nothing, CodePipeline's own retry, and the policies, in this order.
    pub contenders: Vec<Compared>,
}

/// What came of one of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// `none`, `native`, or what the policy is called.
    pub name: String,
    /// The figures that say something about it.
    pub figures: Vec<Figure>,
    /// How the play with the first seed went.
    pub series: Option<Series>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figure {
    /// What was measured.
    #[serde(serialize_with = "name")]
    pub measure: Measure,
    /// Over all seeds.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// How much more than with no retries it is, seed by seed; nothing where there is nothing to compare with.
    pub difference: Option<Estimate>,
    /// What it came to with each seed.
    pub values: Vec<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn name<S: serde::Serializer>(measure: &Measure, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(measure.as_str())
}

impl Comparison {
    /// From the runs of the first contender, which is to do nothing, then those of the next, each by seed.
    pub(super) fn of(simulation: &Simulation, contenders: &[Contender], runs: &[Run]) -> Self {
        let by_contender = runs.chunks(simulation.seeds.len().max(1));
        let without = by_contender.clone().next().unwrap_or_default();
        let compared = contenders.iter().zip(by_contender).map(|(contender, runs)| Compared {
            name: contender.name().to_owned(),
            figures: Measure::ALL
                .into_iter()
                .filter(|measure| measure.concerns(contender))
                .map(|measure| Figure::of(measure, contender, runs, without))
                .collect(),
            series: runs.first().map(|run| Series::of(run, simulation.fleet.start)),
        });
        Self {
            schema: 1,
            about: simulation.fleet.about.clone(),
            pipelines: simulation.fleet.pipelines.len(),
            start: simulation.fleet.start.to_string(),
            hours: simulation.fleet.lasting.as_secs_f64() / 3_600.0,
            seeds: simulation.seeds.clone(),
            confidence: super::estimate::CONFIDENCE,
            contenders: compared.collect(),
        }
    }
}

impl Compared {
    /// The figure of a measure, if that says something about it.
    pub fn figure(&self, measure: Measure) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.measure == measure)
    }
}

impl Figure {
    fn of(measure: Measure, contender: &Contender, runs: &[Run], without: &[Run]) -> Self {
        let pairs = || runs.iter().zip(without);
        let values: Vec<f64> = pairs().map(|(run, without)| measure.of(run, without)).collect();
        let differences: Vec<f64> =
            pairs().map(|(run, without)| measure.of(run, without) - measure.of(without, without)).collect();
        let is_comparable = *contender != Contender::None && measure.concerns(&Contender::None);
        Self {
            measure,
            estimate: Estimate::of(&values),
            difference: is_comparable.then(|| Estimate::of(&differences)),
            values,
        }
    }
}
