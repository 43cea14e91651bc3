//! Tags, which are read for rules that ask for them and kept for a while: nobody changes them often, and a storm of failures
//! asks for the same ones again and again.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_sdk_codepipeline::types::Tag;
use jiff::{SignedDuration, Timestamp};

use super::reader::{Page, list};
use super::replies::gap;
use super::{SdkPipelines, Unusable, have};
use crate::domain::ids::PipelineArn;
use crate::domain::pipeline::Gap;
use crate::domain::stage_run::after;
use crate::domain::tags::{Tags, TagsReading};

/// How long tags are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_mins(5);
/// Most pipelines whose tags are kept.
const MOST: usize = 64;
/// Tags on a page (API reference, `ListTagsForResource`); a pipeline has at most 50.
const PAGE: i32 = 100;

/// The tags kept.
#[derive(Debug, Default)]
pub(super) struct KeptTags(Mutex<VecDeque<Kept>>);

#[derive(Debug)]
struct Kept {
    pipeline: PipelineArn,
    read_at: Timestamp,
    tags: Tags,
}

impl KeptTags {
    /// The tags, if they were read in the last five minutes; a clock that went back makes them unknown.
    fn get(&self, pipeline: &PipelineArn, now: Timestamp) -> Option<Tags> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.iter().find(|kept| kept.pipeline == *pipeline)?;
        (kept.read_at <= now && now < after(kept.read_at, KEPT_FOR)).then(|| kept.tags.clone())
    }

    fn keep(&self, pipeline: &PipelineArn, tags: &Tags, read_at: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.pipeline != *pipeline);
        kept.push_back(Kept { pipeline: pipeline.clone(), read_at, tags: tags.clone() });
        while kept.len() > MOST {
            kept.pop_front();
        }
    }
}

impl SdkPipelines {
    pub(super) async fn kept_or_read_tags(&self, pipeline: &PipelineArn, now: Timestamp) -> TagsReading {
        if let Some(kept) = self.tags.get(pipeline, now) {
            return Ok(kept);
        }
        let entries = list(|token| self.page_of_tags(pipeline, token), |_| false).await?;
        let tags = entries.into_iter().collect();
        self.tags.keep(pipeline, &tags, now);
        Ok(tags)
    }

    async fn page_of_tags(
        &self,
        pipeline: &PipelineArn,
        token: Option<String>,
    ) -> Result<Page<(String, String)>, Gap> {
        let clients = self.accounts.of(pipeline)?;
        let request = clients.codepipeline().list_tags_for_resource();
        let request = request.resource_arn(pipeline.to_string()).max_results(PAGE).set_next_token(token);
        let answer = request.send().await.map_err(|error| gap(&error))?;
        // The SDK makes an empty text of a member that is not there; no key is empty.
        let entry = |tag: &Tag| {
            Ok((have(Some(tag.key()).filter(|key| !key.is_empty()))?.to_owned(), tag.value().to_owned()))
        };
        let entries = have(answer.tags)?.iter().map(entry).collect::<Result<_, Unusable>>()?;
        Ok((entries, answer.next_token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(name: &str) -> PipelineArn {
        PipelineArn::parse(&format!("arn:aws:codepipeline:eu-central-1:111122223333:{name}")).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn tags(team: &str) -> Tags {
        Tags::from([("team".to_owned(), team.to_owned())])
    }

    #[test]
    fn tags_are_kept_for_five_minutes() {
        let kept = KeptTags::default();
        kept.keep(&pipeline("shop"), &tags("web"), at(1_000));
        assert_eq!(kept.get(&pipeline("shop"), at(1_299)), Some(tags("web")));
        for (name, now) in [("shop", 1_300), ("shop", 999), ("web", 1_000)] {
            assert_eq!(kept.get(&pipeline(name), at(now)), None, "{name} at {now}");
        }
        kept.keep(&pipeline("shop"), &tags("docs"), at(1_300));
        assert_eq!(kept.get(&pipeline("shop"), at(1_301)), Some(tags("docs")));
    }

    #[test]
    fn the_oldest_goes_first() {
        let kept = KeptTags::default();
        for number in 0..=MOST {
            kept.keep(&pipeline(&format!("p{number}")), &tags("web"), at(1_000));
        }
        assert_eq!(kept.get(&pipeline("p0"), at(1_000)), None);
        assert!((1..=MOST).all(|number| kept.get(&pipeline(&format!("p{number}")), at(1_000)).is_some()));
    }
}
