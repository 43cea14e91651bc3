//! The policy that an operator pushed into the ledger, and which policy is in force: that one, or the packaged one.
//!
//! Pure: pointer, packaged policy and present in, source out. Every function instance comes to the same answer, whatever
//! it was told when it started.

use jiff::Timestamp;

use super::controls::{Controls, ROLL_OUT};
use super::policy::PolicyVersion;
use super::stage_run::after;

/// A policy in the ledger. Neither number nor text ever changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pushed {
    /// Counts the pushes and rollbacks, from 1.
    pub number: u64,
    /// The version that its text has; a text of another version is not the one that was pushed.
    pub version: PolicyVersion,
    /// The number that a rollback brought back under this one.
    pub restores: Option<u64>,
}

/// The pointer to the pushed policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LivePolicy {
    /// Which.
    pub policy: Pushed,
    /// Since when.
    pub since: Timestamp,
    /// Who pushed it or rolled back to it.
    pub by: String,
    /// The packaged policy that it was pushed beside: that of the function which first worked under the pointer. None
    /// until then, and while no package with a good policy is deployed.
    pub beside: Option<PolicyVersion>,
    /// The packaged policy of a later deployment, which is in force instead, and since when.
    pub taken_over: Option<(PolicyVersion, Timestamp)>,
}

/// A packaged policy that is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    /// Its version.
    pub version: PolicyVersion,
    /// When a function first told of it.
    pub since: Timestamp,
    /// The version that was packaged before; its instances live on for a while.
    pub before: Option<PolicyVersion>,
}

/// Which policy is in force.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Source {
    /// The packaged one; nothing is pushed.
    #[default]
    Packaged,
    /// The packaged one, since its deployment took over from this pushed one.
    PackagedOver(Pushed),
    /// The pushed one.
    Pushed(Pushed),
}

/// What the policy at hand stands for.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// The version of the packaged policy; none where it does not compile.
    pub packaged: Option<&'a PolicyVersion>,
    /// The source that the policy at hand was chosen by.
    pub source: &'a Source,
    /// Whether it is another than the one that is meant, since that one is broken.
    pub is_fallback: bool,
}

impl<'a> Standing<'a> {
    /// That of a packaged policy while nothing is pushed.
    pub const fn packaged(version: Option<&'a PolicyVersion>) -> Self {
        Self { packaged: version, source: &Source::Packaged, is_fallback: false }
    }

    /// The source in force, where the policy at hand was not chosen by it.
    pub fn moved(&self, controls: &Controls, now: Timestamp) -> Option<Source> {
        let source = controls.source(self.packaged, now);
        (source != *self.source).then_some(source)
    }
}

impl Controls {
    /// Which policy is in force for a function that was deployed with this packaged policy.
    ///
    /// A pushed policy is in force until a deployment brings another packaged policy than the one that it was pushed
    /// beside. While that deployment rolls out, instances of the old package stay with the pushed policy. A package
    /// without a good policy never takes over.
    pub fn source(&self, packaged: Option<&PolicyVersion>, now: Timestamp) -> Source {
        let Some(live) = &self.live else { return Source::Packaged };
        let is_in_force = packaged.is_none_or(|packaged| {
            let is_beside = live.beside.as_ref().is_none_or(|beside| beside == packaged);
            match &live.taken_over {
                None => is_beside || self.is_leaving(packaged, now),
                Some((_, at)) => is_beside && now <= after(*at, ROLL_OUT),
            }
        });
        let policy = live.policy.clone();
        if is_in_force { Source::Pushed(policy) } else { Source::PackagedOver(policy) }
    }

    /// The same version with what this function's package adds to it: which package is deployed, and that the pushed policy
    /// was pushed beside it, or that it has taken over. Instances of a package that is on its way out add nothing.
    #[must_use]
    pub fn noted(&self, packaged: Option<&PolicyVersion>, now: Timestamp) -> Self {
        let mut noted = self.clone();
        let Some(packaged) = packaged.filter(|packaged| !self.is_leaving(packaged, now)) else {
            return noted;
        };
        if self.package.as_ref().is_none_or(|package| package.version != *packaged) {
            let before = self.package.as_ref().map(|package| package.version.clone());
            noted.package = Some(Box::new(Package { version: packaged.clone(), since: now, before }));
        }
        if let Some(live) = &mut noted.live {
            match &live.beside {
                None => live.beside = Some(packaged.clone()),
                Some(beside) if live.taken_over.is_none() && beside != packaged => {
                    live.taken_over = Some((packaged.clone(), now));
                }
                Some(_) => {}
            }
        }
        noted
    }

    /// Whether it is the package that a deployment is replacing at this moment.
    fn is_leaving(&self, packaged: &PolicyVersion, now: Timestamp) -> bool {
        self.package.as_ref().is_some_and(|package| {
            package.before.as_ref() == Some(packaged) && now <= after(package.since, ROLL_OUT)
        })
    }

    /// The next version with another pointer; none goes back to the packaged policy.
    #[must_use]
    pub fn point(&self, live: Option<LivePolicy>) -> Self {
        Self { version: self.version + 1, live: live.map(Box::new), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn version(name: &str) -> PolicyVersion {
        PolicyVersion(name.to_owned())
    }

    fn at(minutes: i64) -> Timestamp {
        after("2026-11-22T10:00:00Z".parse().unwrap(), SignedDuration::from_mins(minutes))
    }

    fn pushed() -> Pushed {
        Pushed { number: 1, version: version("pushed"), restores: None }
    }

    fn controls() -> Controls {
        let live =
            LivePolicy { policy: pushed(), since: at(0), by: "jane".into(), beside: None, taken_over: None };
        Controls::default().point(Some(live))
    }

    fn noted(controls: &Controls, packaged: &str, now: Timestamp) -> Controls {
        controls.noted(Some(&version(packaged)), now)
    }

    #[test]
    fn without_a_pointer_the_packaged_policy_is_in_force() {
        assert_eq!(Controls::default().source(Some(&version("old")), at(0)), Source::Packaged);
        assert_eq!(Controls::default().source(None, at(0)), Source::Packaged);
        assert_eq!(Controls::default().noted(None, at(0)), Controls::default());
    }

    #[test]
    fn a_pushed_policy_is_in_force_beside_the_package_that_it_found() {
        let fresh = controls();
        assert_eq!(fresh.source(Some(&version("old")), at(0)), Source::Pushed(pushed()));
        let noted = noted(&fresh, "old", at(1));
        assert_eq!(noted.live.as_ref().unwrap().beside, Some(version("old")));
        assert_eq!(noted.source(Some(&version("old")), at(10_000)), Source::Pushed(pushed()));
        assert_eq!(noted.noted(Some(&version("old")), at(2)), noted, "there is nothing more to note");
    }

    #[test]
    fn a_policy_that_another_was_chosen_over_has_moved() {
        let old = version("old");
        let packaged = Standing::packaged(Some(&old));
        assert_eq!(packaged.moved(&Controls::default(), at(0)), None);
        assert_eq!(packaged.moved(&controls(), at(0)), Some(Source::Pushed(pushed())));
        let source = Source::Pushed(pushed());
        let chosen = Standing { source: &source, ..packaged };
        assert_eq!(chosen.moved(&controls(), at(0)), None);
        assert_eq!(chosen.moved(&Controls::default(), at(0)), Some(Source::Packaged));
    }

    #[test]
    fn another_package_takes_over_and_an_old_instance_stays_with_the_pushed_policy_for_a_while() {
        let beside = noted(&controls(), "old", at(1));
        assert_eq!(beside.source(Some(&version("new")), at(60)), Source::PackagedOver(pushed()));
        let over = noted(&beside, "new", at(60));
        assert_eq!(over.live.as_ref().unwrap().taken_over, Some((version("new"), at(60))));
        for (packaged, minutes, expected) in [
            ("new", 60, Source::PackagedOver(pushed())),
            ("old", 61, Source::Pushed(pushed())),
            ("old", 75, Source::Pushed(pushed())),
            ("old", 76, Source::PackagedOver(pushed())),
            ("newer", 61, Source::PackagedOver(pushed())),
        ] {
            assert_eq!(over.source(Some(&version(packaged)), at(minutes)), expected, "{packaged} {minutes}");
        }
        let newer = noted(&over, "newer", at(90));
        assert_eq!(newer.live, over.live, "who took over first is on record");
        // Instances of the package that took over do not go back to the pushed policy when another one comes.
        assert_eq!(newer.source(Some(&version("new")), at(91)), Source::PackagedOver(pushed()));
    }

    /// Somebody pushes while a deployment rolls out: the instances that are on their way out must not take over.
    #[test]
    fn instances_of_the_old_package_know_a_push_that_came_after_the_new_one() {
        let deployed = noted(&noted(&Controls::default(), "old", at(0)), "new", at(60));
        let push = deployed.point(controls().live.map(|live| *live));
        for (packaged, minutes) in [("old", 61), ("new", 62), ("old", 63), ("new", 600)] {
            assert_eq!(
                push.source(Some(&version(packaged)), at(minutes)),
                Source::Pushed(pushed()),
                "{packaged}"
            );
        }
        assert_eq!(noted(&push, "old", at(61)), push, "it says nothing about where the policy was pushed");
        let beside = noted(&push, "new", at(62));
        assert_eq!(beside.source(Some(&version("old")), at(63)), Source::Pushed(pushed()));
        assert_eq!(noted(&beside, "old", at(63)), beside);
        // Whoever deploys the old package again, later, means it.
        assert_eq!(beside.source(Some(&version("old")), at(80)), Source::PackagedOver(pushed()));
    }

    #[test]
    fn a_package_without_a_good_policy_never_takes_over() {
        let beside = noted(&controls(), "old", at(1));
        assert_eq!(beside.source(None, at(60)), Source::Pushed(pushed()));
        assert_eq!(beside.noted(None, at(60)), beside);
        let over = noted(&beside, "new", at(60));
        assert_eq!(over.source(None, at(600)), Source::Pushed(pushed()));
        assert_eq!(controls().noted(None, at(1)), controls());
    }
}
