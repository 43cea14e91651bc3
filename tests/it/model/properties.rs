//! What must always hold, and what must be seen at least once.

use stateright::Property;

use super::Machine;
use super::world::{Broken, Sight, World};

macro_rules! always {
    ($($broken:ident = $text:literal,)*) => {
        impl Broken {
            pub const ALL: &'static [Self] = &[$(Self::$broken),*];

            /// The property that it breaks.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$broken => $text,)* }
            }
        }

        fn always() -> Vec<Property<Machine>> {
            vec![$(Property::always($text, |_: &Machine, world: &World| {
                world.broken != Some(Broken::$broken)
            })),*]
        }
    };
}

always! {
    WrongFailure = "I1: an accepted retry answers the failure it was claimed for",
    TooManyRetries = "I2: accepted retries never exceed max-retries",
    Unpaid = "I3: every accepted retry is paid for",
    Overdrawn = "I3: no window of time gives more tokens than capacity and refill",
    RefundedTwice = "I3: a token comes back at most once, and never after a take-over",
    RepeatedBlindly = "I4: no call is made while an earlier one for the failure may take effect",
    AfterPerson = "I5: no call is made after a person's act that the fence could see",
    AfterPause = "I5: no claim, no take-over and no rollback is committed under a pause",
    Forgotten = "I6: at rest every failure has its decision, and no claim is open",
    Endless = "I6: nothing waits without an end",
    RolledBackTwice = "I8: a stage run is rolled back at most once",
    RolledBackUnrecorded = "I8: a rollback is on record before it is called, and by whoever calls it",
    RolledBackAfterPerson = "I8: no rollback is called after a person's act that the fence could see",
    StaleObeyed = "a wake-up of something that is over changes nothing",
}

macro_rules! sometimes {
    ($($sight:ident,)*) => {
        fn sometimes(sight: Sight) -> Property<Machine> {
            match sight {
                $(Sight::$sight => Property::sometimes(sight.as_str(), |_: &Machine, world: &World| {
                    world.seen.has(Sight::$sight)
                }),)*
            }
        }
    };
}

sometimes! {
    Accepted, LastAccepted, Recovered, FailedAgain, Refunded, BudgetEmpty, PaidAfterWaiting, TakenOver,
    TakeOverAccepted, ConfirmedAsOurs, Forgone, PauseStopsClaim, PauseStopsTakeOver, PauseWaits, StaleWakeUp,
    PersonWinsAtFence, ActSeenAtFence, OvertakenByPerson, Residual, LateRequest, Resent, Conflicted, BucketLost,
    Unsettled, Throttled, BehindClaim, SweptLost, SweptWaiting, Closed, RolledBack, RollbackRefused, RollbackStopped,
    RollbackUnknown,
}

pub fn all() -> Vec<Property<Machine>> {
    let mut properties = always();
    properties.extend(Sight::ALL.iter().copied().map(sometimes));
    properties
}
