//! Runs of actions by what their providers call them, so that a question about one run of many costs no look at all of them.

use std::collections::BTreeMap;

use crate::domain::ids::{ActionExecutionId, PipelineName};
use crate::emulator::codepipeline::{CodePipeline, Provider, ProviderRun};

/// What separates the group from the stream in a Commands action's external id.
pub const LOG_STREAM: &str = ":log-stream:";

/// Where runs are. It is made anew when runs have begun since.
#[derive(Debug, Default)]
pub struct Directory {
    begun: usize,
    places: BTreeMap<String, Vec<(PipelineName, ActionExecutionId)>>,
}

impl Directory {
    /// Takes in the runs that have begun.
    pub fn refresh(&mut self, service: &CodePipeline) {
        let begun = service.runs_begun();
        if begun == self.begun {
            return;
        }
        self.begun = begun;
        self.places.clear();
        for run in service.provider_runs() {
            let place = (run.pipeline.clone(), run.id.clone());
            self.places.entry(handle(&run).to_owned()).or_default().push(place);
        }
    }

    /// The runs that go by a handle, as they stand now.
    pub fn runs<'a>(
        &'a self,
        service: &'a CodePipeline,
        handle: &str,
    ) -> impl Iterator<Item = ProviderRun<'a>> {
        let places = self.places.get(handle).into_iter().flatten();
        places.filter_map(|(pipeline, id)| service.provider_run(pipeline, id))
    }
}

/// A build and a deployment go by their ids, a Commands action by its log stream, and what works on a stack by the stack.
fn handle<'a>(run: &ProviderRun<'a>) -> &'a str {
    match run.provider {
        Provider::CodeBuild | Provider::CodeDeploy => run.external_id,
        Provider::Commands => run.external_id.split_once(LOG_STREAM).map_or("", |(_, stream)| stream),
        Provider::CloudFormation => run.stack,
    }
}
