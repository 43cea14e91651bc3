//! One seed from its first change to the last message.

use codepipeline_retrier::domain::decision::Decision;
use codepipeline_retrier::domain::ids::StageName;
use codepipeline_retrier::domain::policy::Policy;
use codepipeline_retrier::domain::stage_run::after;
use codepipeline_retrier::emulator::acts::Act;
use codepipeline_retrier::emulator::codepipeline::PipelineDefinition;
use codepipeline_retrier::emulator::faults::{Fault, Operation};
use codepipeline_retrier::replay::moment::{Happening, Moment};
use jiff::{SignedDuration, Timestamp};

use super::acts;
use super::setting::{self, SKEW, Setting, Weather};
use super::trace::Trace;
use crate::rig::audit::Audit;
use crate::rig::calls::is_ours;
use crate::rig::crowd::{Chaos, Crowd, Done};
use crate::rig::random::Random;

/// Steps in one play; one that has more goes round in a circle. Ten executions may wait in turn for one approval, a week
/// each, with a sweep every quarter of an hour.
const MOST_STEPS: u64 = 1_000_000;

/// What came of a seed.
#[derive(Debug, Default)]
pub struct Played {
    pub findings: Vec<String>,
    pub trace: String,
    /// Things that happened: deliveries, calls, faults, acts of people, changes in CodePipeline, deaths.
    pub events: u64,
    pub retries: u64,
    pub taken_over: u64,
    pub died: u64,
    pub unavoidable: u64,
    pub rollbacks: u64,
    pub bulletins: u64,
    pub virtual_time: SignedDuration,
}

struct Play {
    crowd: Crowd,
    audit: Audit,
    random: Random,
    weather: Weather,
    setting_events: u64,
    trace: Trace,
    moments: Vec<Moment>,
    pipelines: Vec<PipelineDefinition>,
    last_policy: Policy,
    /// From when on, and since when, reads showed the past.
    stale: Vec<(Timestamp, Timestamp)>,
    events: u64,
    calls: u64,
    commits: usize,
    retry_calls: usize,
    is_calm: bool,
}

/// How a seed is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the seed has it.
    Usual,
    /// With every event late, and none in its turn.
    Late,
}

/// Plays a seed to its end.
pub fn play(way: Way, seed: u64, is_traced: bool) -> Played {
    play_until(way, seed, u64::MAX, is_traced)
}

/// Plays a seed to its end; after so many events nothing more is done to it.
pub fn play_until(way: Way, seed: u64, most_events: u64, is_traced: bool) -> Played {
    let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9).wrapping_add(0x51A7));
    let mut setting = setting::of(&mut random);
    if way == Way::Late {
        setting.make_late(&mut random);
    }
    let mut play = Play::new(seed, setting, random, is_traced);
    play.setting_events = play.setting_events.min(most_events);
    play.until_it_is_over()
}

impl Play {
    fn new(seed: u64, setting: Setting, mut random: Random, is_traced: bool) -> Self {
        let chaos = Chaos {
            in_flight: 1 + random.index(6),
            // Where one copy is done with while the handling of another dies, only a sweep finds what that one had begun.
            twins: if setting.scenario.sweep.is_some() { *random.pick(&[0, 200, 2_000]) } else { 0 },
            deaths: *random.pick(&[0, 10, 100]),
            ticks: *random.pick(&[0, 50, 500, 2_000]),
        };
        let Setting { scenario, weather, clocks, events } = setting;
        let mut crowd = Crowd::new(&scenario, chaos, seed);
        crowd.set_clocks(clocks);
        crowd.set_end(Timestamp::MAX);
        if scenario.sweep.is_none() {
            crowd.spare_last_receives();
        }
        let mut audit = Audit::new(&scenario);
        audit.allow_skew(SKEW);
        audit.expect_looks();
        Self {
            crowd,
            audit,
            random,
            weather,
            setting_events: events,
            trace: Trace::new(is_traced),
            moments: Vec::new(),
            pipelines: scenario.pipelines,
            last_policy: scenario.deployed.policy.unwrap(),
            stale: Vec::new(),
            events: 0,
            calls: 0,
            commits: 0,
            retry_calls: 0,
            is_calm: false,
        }
    }

    fn until_it_is_over(mut self) -> Played {
        let began = self.crowd.world().now();
        let mut findings = Vec::new();
        let mut steps = 0;
        while self.go_on() {
            steps += 1;
            if steps == MOST_STEPS {
                findings.push("it never comes to an end".into());
                break;
            }
            if !self.audit.findings().is_empty() {
                break;
            }
        }
        let Self { crowd, mut audit, trace, events, .. } = self;
        let world = crowd.world().lock();
        let retries = world.service.retry_calls().iter().filter(|call| is_ours(call)).count();
        let is_taken_over =
            |it: &&Decision| it.explanation.iter().any(|step| step.detail.contains("is taken over"));
        let taken_over = world.ledger.decisions().iter().filter(is_taken_over).count();
        match audit.findings() {
            [] => findings.extend(audit.finish(&world)),
            found => findings.extend_from_slice(found),
        }
        Played {
            findings,
            trace: trace.into_text(),
            events,
            retries: u64::try_from(retries).unwrap(),
            taken_over: u64::try_from(taken_over).unwrap(),
            died: crowd.died,
            unavoidable: audit.unavoidable,
            rollbacks: u64::try_from(audit.rollbacks_made()).unwrap(),
            bulletins: u64::try_from(world.outside.bulletins.len()).unwrap(),
            virtual_time: world.now().duration_since(began),
        }
    }

    /// Lets one thing happen. `false` when all is over.
    fn go_on(&mut self) -> bool {
        if !self.is_calm {
            self.disturb();
        }
        let mut moments = std::mem::take(&mut self.moments);
        let done = self.crowd.step_on(&mut |moment| moments.push(moment.clone()));
        self.moments = moments;
        self.note(&done);
        if done != Done::Nothing {
            return true;
        }
        if self.is_calm {
            return false;
        }
        if self.events < self.setting_events {
            let quiet = *self.random.pick(&[5, 120, 900, 7_200, 6 * 3_600]);
            let quiet = SignedDuration::from_secs(self.random.between(1, quiet));
            let mut moments = std::mem::take(&mut self.moments);
            self.crowd.pass(quiet, &mut |moment| moments.push(moment.clone()));
            self.moments = moments;
            let act = acts::start(&mut self.random, &self.pipelines);
            self.act(act);
        } else {
            self.calm_down();
        }
        true
    }

    /// People and circumstances, at any moment.
    fn disturb(&mut self) {
        if self.events >= self.setting_events {
            self.calm_down();
            return;
        }
        let Weather { people, faults, stale, changes, losses } = self.weather;
        let claimed = self.just_claimed();
        if self.random.happens(if claimed.is_some() { people * 8 } else { people }) {
            let act = match &claimed {
                Some((definition, stage)) => acts::interference(&mut self.random, definition, stage),
                None => acts::person(&mut self.random, &self.pipelines),
            };
            self.act(act);
        }
        if self.random.happens(faults) {
            let act = acts::trouble(&mut self.random);
            self.act(act);
        }
        if self.random.happens(changes) {
            let act = acts::deployment(&mut self.random);
            if let Act::Deploy { policy: Some(policy) } = &act {
                self.last_policy = (**policy).clone();
            }
            self.act(act);
        }
        if self.random.happens(losses) {
            let nth = self.random.index(3);
            let mut world = self.crowd.world().lock();
            if world.queue.lose_wake_up(nth) {
                self.events += 1;
                self.trace.line(world.now(), || format!("wake-up {nth} is lost"));
            }
        }
        if self.random.happens(stale) {
            let lasting = SignedDuration::from_secs(self.random.between(1, 60));
            let seed = self.random.next();
            let mut world = self.crowd.world().lock();
            world.show_the_present_now_and_then(lasting, seed);
            let now = world.now();
            drop(world);
            self.events += 1;
            self.stale.push((now, after(now, lasting)));
            self.trace.line(now, || format!("reads mix past and present for {} s", lasting.as_secs()));
        }
    }

    /// The stage of a claim that was made a moment ago. Right after it a person's act matters most.
    fn just_claimed(&self) -> Option<(PipelineDefinition, StageName)> {
        let world = self.crowd.world().lock();
        let (operation, _) = world.faults.last()?;
        let run = match operation {
            Operation::LedgerCommit | Operation::Fence => &world.ledger.commits().last()?.record,
            _ => return None,
        };
        run.claim.as_ref()?;
        let definition = self.pipelines.iter().find(|it| it.name == run.id.pipeline.name)?;
        Some((definition.clone(), run.id.stage.clone()))
    }

    fn act(&mut self, act: Act) {
        let mut moments = std::mem::take(&mut self.moments);
        self.crowd.act(act, &mut |moment| moments.push(moment.clone()));
        self.moments = moments;
    }

    /// Nothing more is done to it: what was begun comes to its end.
    fn calm_down(&mut self) {
        self.is_calm = true;
        self.crowd.calm_down();
        self.crowd.world().lock().faults.forget_plans();
        let is_broken = self.crowd.world().lock().deployed.policy.is_none();
        if is_broken {
            self.act(Act::Deploy { policy: Some(Box::new(self.last_policy.clone())) });
        }
        let pauses: Vec<_> =
            self.crowd.world().lock().ledger.controls().pauses.iter().map(|it| it.pipeline.clone()).collect();
        for pipeline in pauses {
            self.act(Act::Resume { pipeline });
        }
    }

    /// Writes down what a step was, and holds it against the promises.
    fn note(&mut self, done: &Done) {
        let shared = self.crowd.world().clone();
        let world = shared.lock();
        let now = world.now();
        for moment in &self.moments {
            self.trace.moment(moment);
            let counts = match &moment.what {
                Happening::Acted(..) | Happening::Handled(_) | Happening::Died => true,
                Happening::Event(event) => event["detail"]["state"] == "FAILED",
            };
            self.events += u64::from(counts);
        }
        match done {
            Done::Began(begun) => {
                for (handling, messages) in begun {
                    self.events += u64::try_from(messages.len()).unwrap();
                    let ids: Vec<_> = messages.iter().map(|it| (it.id, it.receives)).collect();
                    let ahead = self.crowd.clock_of(*handling).as_secs();
                    self.trace.line(now, || format!("handling-{handling} gets {ids:?}, {ahead} s ahead"));
                }
            }
            Done::Died(handling) => {
                self.events += 1;
                self.trace.line(now, || format!("handling-{handling} dies"));
            }
            Done::Waited | Done::Nothing | Done::WentOn(_) | Done::Ended(_) => {}
        }
        if world.faults.calls() > self.calls {
            self.calls = world.faults.calls();
            let (operation, fault) = world.faults.last().unwrap();
            self.events += u64::from(!is_of_a_sweep(operation));
            self.events += u64::from(fault.is_some());
            let handling = self.crowd.at_work();
            self.trace.line(now, || format!("handling-{handling} {} {}", operation.as_str(), went(fault)));
            let oldest = self.stale.iter().filter(|(_, until)| now < *until).map(|(since, _)| *since).min();
            let is_ahead = self.crowd.clock_of(handling).is_positive();
            match operation {
                Operation::Observe if oldest.is_some() && is_ahead => self.audit.doubt(handling),
                Operation::Fence => self.audit.looked(handling, oldest.unwrap_or(now)),
                _ => {}
            }
        }
        for commit in &world.ledger.commits()[self.commits..] {
            self.trace.commit(now, commit);
        }
        self.commits = world.ledger.commits().len();
        for call in &world.service.retry_calls()[self.retry_calls..] {
            self.trace.call(call);
        }
        self.retry_calls = world.service.retry_calls().len();
        self.audit.look(&world, &self.moments, self.crowd.handlings(), self.crowd.at_work());
        self.moments.clear();
    }
}

/// The calls by which a sweep looks around do not count: they go on whatever happens.
fn is_of_a_sweep(operation: Operation) -> bool {
    use Operation as O;
    matches!(operation, O::SweepRead | O::SweepWrite | O::Overdue | O::Catalogue | O::Tick)
}

fn went(fault: Option<Fault>) -> &'static str {
    fault.map_or("ok", Fault::as_str)
}
