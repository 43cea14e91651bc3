//! What the providers of failed actions know of why they failed: CodeBuild, CodeDeploy, CloudFormation, and the logs of
//! what ran. Of others CodePipeline's own message is all there is.
//!
//! A decision can do without any of it. So the whole takes at most eight seconds and a dozen requests, each Region's
//! services are asked beside each other, and whatever does not come is a gap with the operation's name.
//!
//! | run by | at depth `details` | at depth `logs` beside |
//! |---|---|---|
//! | CodeBuild | `BatchGetBuilds`, one for all builds of a Region | `GetLogEvents` |
//! | Commands | | `GetLogEvents` |
//! | CodeDeploy | `GetDeployment`, `ListDeploymentTargets`, `BatchGetDeploymentTargets` | |
//! | CloudFormation | `DescribeStackEvents` of the stack and of nested stacks that failed, or `DescribeChangeSet` | |

mod builds;
mod deployments;
mod effort;
mod logs;
mod operation;
mod stacks;
mod subject;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::clients::Clients;
use super::regional::{Regions, Services};
use super::spokes::Accounts;
use super::together::{Work, together};
use crate::domain::evidence::{Depth, Evidence, Place, Text};
use crate::domain::facts::FailedAction;
use crate::domain::ids::{PipelineArn, Region, StageRunId};
use crate::domain::pipeline::Gap;
use crate::domain::scope::Scope;
use crate::domain::text::EvidenceText;
use crate::ports::EvidenceSource;

use effort::{Effort, Missing};
use subject::{Subject, subject};

/// Longest code that is kept, in bytes.
const LONGEST_CODE: usize = 100;

/// The providers of actions, in whichever Region they ran, of the account that the pipeline is in.
#[derive(Debug)]
pub struct SdkEvidence {
    accounts: Arc<Accounts>,
    regions: Mutex<BTreeMap<Scope, Arc<Regions>>>,
}

/// Where one subject is asked about, and within which bounds.
#[derive(Clone, Copy)]
struct Asking<'a> {
    services: &'a Services,
    effort: &'a Effort,
    depth: Depth,
}

/// Evidence, each with the place of its run in the list of failed ones.
type Found = Vec<(usize, Evidence)>;

impl SdkEvidence {
    /// The providers as the clients reach them. Nothing is built before it is needed.
    pub fn new(clients: Arc<Clients>) -> Self {
        Self::across(Arc::new(Accounts::alone(clients)))
    }

    /// The same of several accounts.
    pub const fn across(accounts: Arc<Accounts>) -> Self {
        Self { accounts, regions: Mutex::new(BTreeMap::new()) }
    }

    /// Every Region of the pipeline's account, as whoever may read the pipeline sees it.
    fn regions(&self, pipeline: &PipelineArn) -> Result<Arc<Regions>, Gap> {
        let clients = self.accounts.of(pipeline)?;
        let mut known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let regions = known.entry(Scope::of(pipeline));
        Ok(Arc::clone(regions.or_insert_with(|| Arc::new(Regions::new(clients)))))
    }

    async fn read(&self, run: &StageRunId, failed: &[FailedAction], depth: Depth) -> Vec<Evidence> {
        let effort = Effort::new();
        let mut evidence = vec![Evidence::default(); failed.len()];
        let Ok(regions) = self.regions(&run.pipeline) else {
            return vec![
                Evidence { texts: Vec::new(), gaps: vec![("AssumeRole", Gap::Denied)] };
                failed.len()
            ];
        };
        let mut builds: BTreeMap<&Region, Vec<(usize, &str)>> = BTreeMap::new();
        let mut work: Vec<Work<'_, Found>> = Vec::new();
        for (place, (action, evidence)) in failed.iter().zip(&mut evidence).enumerate() {
            let region = action.region.as_ref().unwrap_or(&run.pipeline.region);
            match subject(action) {
                Subject::Nothing => {}
                Subject::Log(_) | Subject::Odd("GetLogEvents") if depth < Depth::Logs => {}
                Subject::Odd(operation) => evidence.gaps.push((operation, Gap::NotRead)),
                Subject::Build(id) => builds.entry(region).or_default().push((place, id)),
                one => {
                    let services = regions.of(region);
                    let effort = &effort;
                    work.push(Box::pin(async move {
                        let asking = Asking { services: &services, effort, depth };
                        vec![(place, of_one(asking, one, action).await)]
                    }));
                }
            }
        }
        for (region, builds) in &builds {
            for builds in builds.chunks(builds::MOST) {
                let services = regions.of(region);
                let effort = &effort;
                work.push(Box::pin(async move {
                    let asking = Asking { services: &services, effort, depth };
                    builds::of_builds(asking, builds).await
                }));
            }
        }
        for (place, found) in together(work).await.into_iter().flatten() {
            if let Some(evidence) = evidence.get_mut(place) {
                *evidence = found;
            }
        }
        evidence
    }
}

async fn of_one(asking: Asking<'_>, subject: Subject<'_>, action: &FailedAction) -> Evidence {
    match subject {
        Subject::Log(log) => from(logs::tail(asking, log).await.map(|text| text.into_iter().collect())),
        Subject::Deployment(id) => deployments::of_deployment(asking, id).await,
        Subject::Stack(id) => stacks::of_stack(asking, id, action).await,
        Subject::ChangeSet(id) => stacks::of_change_set(asking, id, action).await,
        Subject::Nothing | Subject::Odd(_) | Subject::Build(_) => Evidence::default(),
    }
}

/// The future of several requests is more than a caller wants to carry about: it is boxed.
impl EvidenceSource for SdkEvidence {
    async fn gather(&self, run: &StageRunId, failed: &[FailedAction], depth: Depth) -> Vec<Evidence> {
        if depth == Depth::State {
            return vec![Evidence::default(); failed.len()];
        }
        Box::pin(self.read(run, failed, depth)).await
    }
}

/// Texts, or why there are none.
fn from(read: Result<Vec<Text>, Missing>) -> Evidence {
    match read {
        Ok(texts) => Evidence { texts, gaps: Vec::new() },
        Err(missing) => Evidence { texts: Vec::new(), gaps: vec![missing] },
    }
}

/// A text with the provider's code beside it.
fn text(place: Place, code: Option<&str>, text: impl Into<String>) -> Text {
    Text { place, code: code.and_then(self::code), text: EvidenceText::new(text) }
}

/// A code is shown to people, so it has to look like one: a few words in letters, digits and what joins them.
fn code(code: &str) -> Option<String> {
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' ');
    let code = code.trim();
    ((1..=LONGEST_CODE).contains(&code.len()) && code.bytes().all(is_code)).then(|| code.to_owned())
}
