//! Fleet files: what a short one means, and what is said of one that is wrong.

use codepipeline_retrier::replay::fleet::{Fleet, Native};

use super::{fleet, played};

#[test]
fn four_lines_are_a_fleet() {
    let fleet = fleet("fleet: 1\npipelines:\n  - name: shop\n    count: 20\n");
    assert_eq!(fleet.pipelines.len(), 20);
    let first = &fleet.pipelines[0];
    assert_eq!(first.definition.name.as_str(), "shop-001");
    let stages: Vec<&str> = first.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, ["Source", "Build", "Test", "Deploy"]);
    let executions = played(&fleet, 1, Native::AsDeclared).executions;
    let ended = executions.green_at_first_try
        + executions.recovered_by_people
        + executions.left_failed
        + executions.superseded;
    assert_eq!(ended, executions.started);
    assert!(executions.recovered_by_people > 0 && executions.left_failed > 0, "{executions:?}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let one = "pipelines: [{ name: shop }]";
    for (text, said) in [
        ("fleet: 2\npipelines: [{ name: shop }]", "fleet format 2 is not known, only 1"),
        ("fleet: 1\npipelines: []", "there is no pipeline"),
        ("fleet: 1\npipeline: []", "did you mean `pipelines`?"),
        ("fleet: 1\npipelines: [{ name: shop, run: 6/d }]", "did you mean `runs`?"),
        ("fleet: 1\npipelines: [{ name: shop, runs: 6 }]", "a rate such as `6/d`"),
        ("fleet: 1\npipelines: [{ name: shop, count: 0 }]", "a fleet has 1 to 100000 pipelines"),
        ("fleet: 1\npipelines: [{ name: shop, stages: [] }]", "`shop`: it has no stage"),
        ("fleet: 1\npipelines: [{ name: s p }]", "`s p` is not a valid pipeline name"),
        ("fleet: 1\npipelines: [{ name: a }, { name: a }]", "there are two pipelines `a`"),
        (
            "fleet: 1\npipelines: [{ name: a, stages: [{ name: B, fails: { netwrk: 2% } }] }]",
            "`a`: stage `B`: `netwrk` is not a known class; did you mean `network`?",
        ),
        (
            "fleet: 1\npipelines: [{ name: a, stages: [{ name: B, fails: { network: 2 } }] }]",
            "a share from `0%` to `100%`",
        ),
        (
            "fleet: 1\npipelines: [{ name: a, stages: [{ name: B, fails: { network: 60%, timeout: 50% } }] }]",
            "more than 100% of its runs fail",
        ),
        (
            "fleet: 1\npipelines: [{ name: a, stages: [{ name: B, fails: { stopped: 2% } }] }]",
            "nothing fails as `stopped` in a fleet",
        ),
        (&format!("fleet: 1\n{one}\nclasses: {{ network: {{}} }}"), "`network` needs `clears` or `lasts`"),
        (&format!("fleet: 1\n{one}\noutages: [{{ class: weather }}]"), "outage 1: `weather` is not"),
        (&format!("fleet: 1\n{one}\nstart: monday"), "`monday` is not an instant"),
        (
            &format!("fleet: 1\n{one}\npeople: {{ working-hours: {{ from: '18:00', to: '08:00' }} }}"),
            "working hours begin before they end",
        ),
    ] {
        let message = Fleet::read("fleet.yaml", text).unwrap_err().message;
        assert!(message.contains(said) && message.contains("fleet.yaml"), "{text}\n{message}");
    }
}
