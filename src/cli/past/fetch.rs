//! Reads the history of an account: many pipelines at a time, within a rate, each written down when it is complete.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use jiff::Timestamp;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::Instant;

use super::file;
use crate::aws::evidence::SdkEvidence;
use crate::aws::pipelines::SdkPipelines;
use crate::cli::account::{Account, AccountArguments};
use crate::cli::error::CliError;
use crate::cli::{output, progress};
use crate::domain::evidence::Depth;
use crate::domain::ids::{AccountId, Partition, PipelineName};
use crate::domain::pipeline::Gap;
use crate::domain::policy::Policy;
use crate::domain::scope::Scope;
use crate::ports::Catalogue;
use crate::replay::history::{Header, History, PipelineHistory, Sources, write_header, write_pipeline};

/// Pipelines that are read side by side: enough that the rate is what limits, and not the way to AWS and back.
const WORKERS: usize = 8;
/// How often a pipeline is tried while CodePipeline asks to slow down.
const TRIES: u32 = 5;

/// What to read.
pub(super) struct Errand<'a> {
    pub policy: &'a Policy,
    pub classifiers: String,
    pub since: Timestamp,
    pub now: Timestamp,
    pub depth: Depth,
    pub rate: u32,
    pub file: Option<&'a Path>,
    /// Whether what the file has is to be read again.
    pub is_anew: bool,
    pub wanted: &'a dyn Fn(&PipelineName) -> bool,
}

/// Reads what is missing. Whether nothing is any more is told beside.
pub(super) async fn fetch(
    account: &AccountArguments,
    errand: &Errand<'_>,
) -> Result<(History, bool), CliError> {
    let account = account.reach().await?;
    let pipelines = SdkPipelines::new(Arc::clone(&account.clients));
    let pace = Pace::new(errand.rate);
    let names = names(&pipelines, &account, &pace).await?;
    let Some(first) = names.first() else {
        return Err(CliError::usage(format!("there is no pipeline in {}", account.region))
            .with_hint("`--region` chooses another Region, `--profile` another account"));
    };
    pace.turn(1).await;
    let (arn, _) = pipelines.find(first).await.map_err(|gap| unreadable(first, gap))?;
    let header = Header {
        scope: Scope::of(&arn),
        since: errand.since,
        until: errand.now,
        depth: errand.depth,
        classifiers: errand.classifiers.clone(),
    };
    // What is kept was read from its own time on, and so is the rest.
    let nothing = History { header: header.clone(), pipelines: Vec::new() };
    let mut history = kept(errand, &header)?.unwrap_or(nothing);
    let header = history.header.clone();
    let known: BTreeSet<&PipelineName> =
        history.pipelines.iter().map(|pipeline| &pipeline.structure.name).collect();
    let missing: VecDeque<PipelineName> =
        names.iter().filter(|name| (errand.wanted)(name) && !known.contains(name)).cloned().collect();
    let is_whole = names.iter().all(|name| (errand.wanted)(name));
    let book = Book::open(errand.file, &history)?;
    let reading = Rc::new(ReadingAll {
        evidence: SdkEvidence::new(Arc::clone(&account.clients)),
        pipelines,
        policy: errand.policy.clone(),
        header,
        now: errand.now,
        pace,
        bar: progress::of(missing.len() as u64, "pipelines"),
        missing: RefCell::new(missing),
        done: RefCell::new(Vec::new()),
        book: RefCell::new(book),
        failed: RefCell::new(BTreeMap::new()),
        gaps: RefCell::new(BTreeMap::new()),
    });
    LocalSet::new()
        .run_until(async {
            let mut workers = JoinSet::new();
            for _ in 0..WORKERS {
                let reading = Rc::clone(&reading);
                workers.spawn_local(async move { reading.work().await });
            }
            while let Some(ended) = workers.join_next().await {
                ended.map_err(|error| CliError::unexpected(format!("reading stopped: {error}")))??;
            }
            Ok::<_, CliError>(())
        })
        .await?;
    reading.bar.finish_and_clear();
    let is_complete = reading.tell();
    if is_complete && is_whole {
        reading.book.borrow_mut().write(file::COMPLETE)?;
    }
    history.pipelines.extend(reading.done.take());
    history.pipelines.sort_by(|a, b| a.structure.name.cmp(&b.structure.name));
    Ok((history, is_complete))
}

/// What an interrupted reading has left behind, if it was about the same.
fn kept(errand: &Errand<'_>, header: &Header) -> Result<Option<History>, CliError> {
    let Some(path) = errand.file.filter(|_| !errand.is_anew) else { return Ok(None) };
    let Some(history) = file::part(path)? else { return Ok(None) };
    let found = &history.header;
    let differs = if found.scope != header.scope {
        format!("of {}, and this is {}", found.scope, header.scope)
    } else if found.classifiers != header.classifiers {
        "read with the classifiers of another policy".to_owned()
    } else if found.depth != header.depth {
        format!("read with `--evidence {}`", found.depth.as_str())
    } else {
        return Ok(Some(history));
    };
    let message = format!("`{}` holds a part of another history: {differs}", path.display());
    Err(CliError::usage(message).with_hint("name another file, or replace this one with `--refresh`"))
}

/// Every pipeline of the account and Region.
async fn names(
    pipelines: &SdkPipelines,
    account: &Account,
    pace: &Pace,
) -> Result<Vec<PipelineName>, CliError> {
    // Which account it is shows in the first pipeline's ARN; these clients reach no other.
    let unknown = |_| CliError::unexpected("a Region without a partition");
    let here = Scope {
        partition: Partition::parse("aws").map_err(unknown)?,
        region: account.region.clone(),
        account: AccountId::parse("000000000000").map_err(unknown)?,
    };
    let (mut names, mut next) = (Vec::new(), None);
    loop {
        pace.turn(1).await;
        let page = pipelines.pipelines(&here, next.as_ref()).await.map_err(|gap| {
            let message = format!("cannot list the pipelines of {}: {}", account.region, gap.as_str());
            CliError::usage(message).with_hint(match gap {
                Gap::Denied => "the credentials may have expired, or lack codepipeline:ListPipelines",
                _ => "look at the network, proxies and `--endpoint-url`",
            })
        })?;
        names.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return Ok(names);
        }
    }
}

fn unreadable(name: &PipelineName, gap: Gap) -> CliError {
    CliError::usage(format!("cannot read pipeline `{name}`: {}", gap.as_str())).with_hint(match gap {
        Gap::Denied => "the credentials may have expired, or lack codepipeline:GetPipeline",
        Gap::Throttled => "CodePipeline is asked too much at the moment; try again later",
        _ => "look at the network, proxies and `--endpoint-url`",
    })
}

/// Hands out turns, so many a second.
struct Pace {
    interval: Cell<Duration>,
    free_at: Cell<Option<Instant>>,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Self { interval: Cell::new(Duration::from_secs(1) / rate.max(1)), free_at: Cell::new(None) }
    }

    async fn turn(&self, requests: u32) {
        let now = Instant::now();
        let begin = self.free_at.get().map_or(now, |free_at| free_at.max(now));
        self.free_at.set(Some(begin + self.interval.get() * requests));
        tokio::time::sleep_until(begin).await;
    }

    /// What was asked too much is asked half as often from now on.
    fn slow_down(&self) {
        self.interval.set((self.interval.get() * 2).min(Duration::from_secs(5)));
    }
}

/// The file that is written, if there is one.
struct Book(Option<File>);

impl Book {
    /// Writes what is known already in place of what the file had, so that a line that was cut off is gone.
    fn open(path: Option<&Path>, history: &History) -> Result<Self, CliError> {
        let Some(path) = path else { return Ok(Self(None)) };
        let mut text = write_header(&history.header);
        for pipeline in &history.pipelines {
            text.push_str(&write_pipeline(pipeline));
        }
        let cannot = |error: io::Error| {
            CliError::usage(format!("cannot write `{}`: {error}", path.display()))
                .with_hint("`--history` names the file that what is read is kept in")
        };
        let part = path.with_extension("part");
        std::fs::write(&part, text).and_then(|()| std::fs::rename(&part, path)).map_err(cannot)?;
        Ok(Self(Some(OpenOptions::new().append(true).open(path).map_err(cannot)?)))
    }

    fn write(&mut self, line: &str) -> Result<(), CliError> {
        let Some(file) = &mut self.0 else { return Ok(()) };
        file.write_all(line.as_bytes())
            .map_err(|error| CliError::usage(format!("cannot write the history: {error}")))
    }
}

struct ReadingAll {
    pipelines: SdkPipelines,
    evidence: SdkEvidence,
    policy: Policy,
    header: Header,
    now: Timestamp,
    pace: Pace,
    bar: ProgressBar,
    missing: RefCell<VecDeque<PipelineName>>,
    done: RefCell<Vec<PipelineHistory>>,
    book: RefCell<Book>,
    failed: RefCell<BTreeMap<PipelineName, Gap>>,
    gaps: RefCell<BTreeMap<(&'static str, Gap), u64>>,
}

impl ReadingAll {
    async fn work(&self) -> Result<(), CliError> {
        loop {
            let Some(name) = self.missing.borrow_mut().pop_front() else { return Ok(()) };
            self.bar.set_message(name.to_string());
            self.read(&name).await?;
            self.bar.inc(1);
        }
    }

    async fn read(&self, name: &PipelineName) -> Result<(), CliError> {
        let arn = self.header.scope.pipeline(name);
        let asks_for_tags = self.policy.rules.iter().any(|rule| !rule.selector.tags.is_empty());
        let sources = Sources {
            chronicle: &self.pipelines,
            evidence: &self.evidence,
            classifiers: &self.policy.classifiers,
            depth: self.header.depth,
            since: self.header.since,
            with_tags: asks_for_tags,
        };
        let turn = async |requests: u32| self.pace.turn(requests).await;
        let mut tries = 0;
        let gap = loop {
            match sources.gather(&arn, self.now, &turn).await {
                Ok(gathered) => {
                    self.book.borrow_mut().write(&write_pipeline(&gathered.pipeline))?;
                    for (gap, times) in gathered.gaps {
                        *self.gaps.borrow_mut().entry(gap).or_default() += times;
                    }
                    self.done.borrow_mut().push(gathered.pipeline);
                    return Ok(());
                }
                Err(Gap::Throttled | Gap::Unavailable) if tries < TRIES => {
                    tries += 1;
                    self.pace.slow_down();
                }
                Err(gap) => break gap,
            }
        };
        // A pipeline that was deleted meanwhile has no history any more.
        if gap != Gap::PipelineNotFound {
            self.failed.borrow_mut().insert(name.clone(), gap);
        }
        Ok(())
    }

    /// Says what could not be read. Whether every pipeline could.
    fn tell(&self) -> bool {
        for ((operation, gap), times) in self.gaps.borrow().iter() {
            let runs = if *times == 1 { "1 failed run".to_owned() } else { format!("{times} failed runs") };
            output::notice(&format!(
                "{operation} could not be read of {runs}: {}; their class may be `unknown` for it",
                gap.as_str()
            ));
        }
        let failed = self.failed.borrow();
        for (name, gap) in failed.iter() {
            output::notice(&format!("pipeline `{name}` could not be read: {}", gap.as_str()));
        }
        failed.is_empty()
    }
}
