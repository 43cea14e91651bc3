//! Where the product works: its own account and Region, and those of others that were listed for it, its spokes.

use std::collections::BTreeSet;
use std::fmt;

use super::ids::{AccountId, InvalidId, Partition, PipelineArn, PipelineName, Region};

/// One account in one Region. Ordered as ARNs are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Partition of the Region.
    pub partition: Partition,
    /// The Region.
    pub region: Region,
    /// The account.
    pub account: AccountId,
}

impl Scope {
    /// Where a pipeline is.
    pub fn of(pipeline: &PipelineArn) -> Self {
        let PipelineArn { partition, region, account, .. } = pipeline.clone();
        Self { partition, region, account }
    }

    /// The pipeline of that name there.
    pub fn pipeline(&self, name: &PipelineName) -> PipelineArn {
        let Self { partition, region, account } = self.clone();
        PipelineArn { partition, region, account, name: name.clone() }
    }

    fn is_of(&self, pipeline: &PipelineArn) -> bool {
        self.account == pipeline.account
            && self.region == pipeline.region
            && self.partition == pipeline.partition
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default();
        Ok(Self {
            partition: Partition::parse(part())?,
            region: Region::parse(part())?,
            account: AccountId::parse(part())?,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.partition, self.region, self.account)
    }
}

/// Every account and Region that the product works for. What is not among them is none of its business, whoever sends
/// events of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes {
    own: Scope,
    spokes: BTreeSet<Scope>,
}

/// Why a pipeline is none of the product's business; each with what is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreign {
    /// Its account is not among those listed.
    Account(String),
    /// Its Region, or the partition, is not among those listed for its account.
    Region(String),
}

impl Scopes {
    /// The product's own account and Region alone.
    pub const fn alone(own: Scope) -> Self {
        Self { own, spokes: BTreeSet::new() }
    }

    /// Each of these Regions in each of these accounts beside its own; the own Region where none is named. The partition
    /// is the same everywhere: no role reaches beyond it.
    pub fn with_spokes(own: Scope, accounts: &BTreeSet<AccountId>, regions: &BTreeSet<Region>) -> Self {
        let own_region = BTreeSet::from([own.region.clone()]);
        let regions = if regions.is_empty() { &own_region } else { regions };
        let spoke = |account: &AccountId, region: &Region| Scope {
            partition: own.partition.clone(),
            region: region.clone(),
            account: account.clone(),
        };
        let all =
            accounts.iter().flat_map(|account| regions.iter().map(move |region| spoke(account, region)));
        let spokes = all.filter(|scope| *scope != own).collect();
        Self { own, spokes }
    }

    /// The product's own.
    pub const fn own(&self) -> &Scope {
        &self.own
    }

    /// The own one first, then the others in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        std::iter::once(&self.own).chain(&self.spokes)
    }

    /// The scope where it is another's; none where it is the own one.
    pub fn spoke<'a>(&self, scope: &'a Scope) -> Option<&'a Scope> {
        Some(scope).filter(|scope| **scope != self.own)
    }

    /// Whether the pipeline is in the product's own account and Region.
    pub fn is_own(&self, pipeline: &PipelineArn) -> bool {
        self.own.is_of(pipeline)
    }

    /// Whether it is among them.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.own == *scope || self.spokes.contains(scope)
    }

    /// Whether the pipeline is in one of them, or why not.
    pub fn admit(&self, pipeline: &PipelineArn) -> Result<(), Foreign> {
        if self.iter().any(|scope| scope.is_of(pipeline)) {
            return Ok(());
        }
        let Scope { partition, region, account } = &self.own;
        let is_alone = self.spokes.is_empty();
        let not_listed = if is_alone { "" } else { ", nor one of those listed" };
        if !self.iter().any(|scope| scope.account == pipeline.account) {
            return Err(Foreign::Account(format!(
                "account {} is not {account}{not_listed}",
                pipeline.account
            )));
        }
        let of_account = |scope: &&Scope| scope.account == pipeline.account;
        if self.iter().filter(of_account).any(|scope| scope.region == pipeline.region) {
            return Err(Foreign::Region(format!("partition {} is not {partition}", pipeline.partition)));
        }
        Err(Foreign::Region(if is_alone {
            format!("Region {} is not {region}", pipeline.region)
        } else {
            format!("Region {} is not one of those listed for account {}", pipeline.region, pipeline.account)
        }))
    }

    /// What the pipeline is called in the ledger.
    pub fn label(&self, pipeline: &PipelineArn) -> PipelineLabel {
        if self.is_own(pipeline) {
            PipelineLabel::Own(pipeline.name.clone())
        } else {
            PipelineLabel::Elsewhere(pipeline.clone())
        }
    }
}

/// What a pipeline is called where most are of one account and Region: by its name there, by its ARN elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PipelineLabel {
    /// In the product's own account and Region.
    Own(PipelineName),
    /// In another account or Region.
    Elsewhere(PipelineArn),
}

impl PipelineLabel {
    /// Reads either; no name looks like an ARN, since none has a colon in it.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text.contains(':') {
            PipelineArn::parse(text).map(Self::Elsewhere)
        } else {
            PipelineName::parse(text).map(Self::Own)
        }
    }

    /// The pipeline's name, wherever it is.
    pub const fn name(&self) -> &PipelineName {
        match self {
            Self::Own(name) => name,
            Self::Elsewhere(pipeline) => &pipeline.name,
        }
    }

    /// Where it is; none for the product's own account and Region.
    pub fn spoke(&self) -> Option<Scope> {
        match self {
            Self::Own(_) => None,
            Self::Elsewhere(pipeline) => Some(Scope::of(pipeline)),
        }
    }
}

impl From<PipelineName> for PipelineLabel {
    fn from(name: PipelineName) -> Self {
        Self::Own(name)
    }
}

impl From<&PipelineName> for PipelineLabel {
    fn from(name: &PipelineName) -> Self {
        Self::Own(name.clone())
    }
}

impl fmt::Display for PipelineLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(name) => f.pad(name.as_str()),
            Self::Elsewhere(pipeline) => f.pad(&pipeline.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn pipeline(partition: &str, region: &str, account: &str) -> PipelineArn {
        PipelineArn::parse(&format!("arn:{partition}:codepipeline:{region}:{account}:shop")).unwrap()
    }

    fn listed(accounts: &[&str], regions: &[&str]) -> Scopes {
        let accounts = accounts.iter().map(|text| AccountId::parse(*text).unwrap()).collect();
        let regions = regions.iter().map(|text| Region::parse(*text).unwrap()).collect();
        Scopes::with_spokes(scope("aws/eu-central-1/111122223333"), &accounts, &regions)
    }

    fn said(scopes: &Scopes, pipeline: &PipelineArn) -> String {
        match scopes.admit(pipeline) {
            Ok(()) => "admitted".to_owned(),
            Err(Foreign::Account(detail) | Foreign::Region(detail)) => detail,
        }
    }

    #[test]
    fn alone_it_works_for_its_own_account_and_region() {
        let alone = Scopes::alone(scope("aws/eu-central-1/111122223333"));
        for (partition, region, account, expected) in [
            ("aws", "eu-central-1", "111122223333", "admitted"),
            ("aws", "eu-central-1", "444455556666", "account 444455556666 is not 111122223333"),
            ("aws", "eu-west-1", "111122223333", "Region eu-west-1 is not eu-central-1"),
            ("aws-cn", "eu-central-1", "111122223333", "partition aws-cn is not aws"),
        ] {
            assert_eq!(said(&alone, &pipeline(partition, region, account)), expected);
        }
        assert_eq!(listed(&[], &["eu-west-1"]), alone, "Regions are those of the accounts listed");
    }

    #[test]
    fn a_spoke_is_an_account_and_region_that_are_listed() {
        let scopes = listed(&["444455556666", "777788889999"], &["eu-west-1", "us-east-1"]);
        let all: Vec<String> = scopes.iter().map(Scope::to_string).collect();
        assert_eq!(
            all,
            [
                "aws/eu-central-1/111122223333",
                "aws/eu-west-1/444455556666",
                "aws/eu-west-1/777788889999",
                "aws/us-east-1/444455556666",
                "aws/us-east-1/777788889999",
            ]
        );
        for (partition, region, account, expected) in [
            ("aws", "eu-central-1", "111122223333", "admitted"),
            ("aws", "us-east-1", "777788889999", "admitted"),
            (
                "aws",
                "us-east-1",
                "111122223333",
                "Region us-east-1 is not one of those listed for account 111122223333",
            ),
            (
                "aws",
                "eu-central-1",
                "444455556666",
                "Region eu-central-1 is not one of those listed for account 444455556666",
            ),
            (
                "aws",
                "eu-west-1",
                "999900001111",
                "account 999900001111 is not 111122223333, nor one of those listed",
            ),
            ("aws-cn", "eu-west-1", "444455556666", "partition aws-cn is not aws"),
        ] {
            assert_eq!(said(&scopes, &pipeline(partition, region, account)), expected);
        }
    }

    #[test]
    fn where_no_region_is_listed_it_is_the_own_one() {
        let scopes = listed(&["444455556666"], &[]);
        assert!(scopes.contains(&scope("aws/eu-central-1/444455556666")));
        assert_eq!(scopes.iter().count(), 2);
    }

    #[test]
    fn the_own_account_may_be_listed_for_its_other_regions() {
        let scopes = listed(&["111122223333"], &["eu-central-1", "eu-west-1"]);
        assert_eq!(scopes.iter().count(), 2, "its own Region once");
        assert!(scopes.contains(&scope("aws/eu-west-1/111122223333")));
    }

    #[test]
    fn a_label_is_a_name_at_home_and_an_arn_elsewhere() {
        let scopes = listed(&["444455556666"], &[]);
        for (account, expected) in [
            ("111122223333", "shop"),
            ("444455556666", "arn:aws:codepipeline:eu-central-1:444455556666:shop"),
        ] {
            let label = scopes.label(&pipeline("aws", "eu-central-1", account));
            assert_eq!(label.to_string(), expected);
            assert_eq!(PipelineLabel::parse(expected), Ok(label));
        }
        for bad in ["", "a b", "arn:aws:codepipeline:eu-central-1:1:shop"] {
            assert!(PipelineLabel::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "aws", "aws/eu-central-1", "aws/eu-central-1/1", "eu-central-1/aws/111122223333"] {
            assert!(Scope::parse(bad).is_err(), "{bad}");
        }
    }
}
