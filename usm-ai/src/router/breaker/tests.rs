//! The breaker step by step, on a clock of its own.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;

const SETTINGS: Cooldowns = Cooldowns {
    failures: 3,
    first: Duration::from_secs(4),
    longest: Duration::from_secs(10),
    lasting: Duration::from_secs(60),
    longest_told: Duration::from_secs(3600),
};

/// A breaker and the time.
struct Scene {
    breaker: Breaker,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Self { breaker: Breaker::default(), now: Instant::now() }
    }

    fn later(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn admit(&mut self) -> Result<Ticket, Rest> {
        self.breaker.admit(self.now, &SETTINGS)
    }

    fn left(&mut self) -> u64 {
        self.admit().unwrap_err().left.as_secs()
    }

    fn ends(&mut self, ticket: Ticket, outcome: Outcome<'_>) {
        self.breaker.settle(ticket, outcome, self.now, &SETTINGS, 0.0);
    }

    fn fails(&mut self, kind: ErrorKind) {
        let ticket = self.admit().unwrap();
        self.ends(ticket, Outcome::Failed(&Error::new(kind, "said")));
    }

    fn limited(&mut self, ticket: Ticket, seconds: u64) {
        let error = Error::new(ErrorKind::RateLimited, "").with_retry_after(Duration::from_secs(seconds));
        self.ends(ticket, Outcome::Failed(&error));
    }
}

#[test]
fn a_rate_limit_rests_exactly_as_long_as_told_and_then_lets_everyone_in() {
    let mut scene = Scene::new();
    let ticket = scene.admit().unwrap();
    scene.limited(ticket, 26);

    assert_eq!(scene.left(), 26);
    scene.later(25);
    assert_eq!(scene.left(), 1);
    scene.later(1);
    assert!(scene.admit().is_ok() && scene.admit().is_ok());
}

#[test]
fn the_longest_of_several_waits_holds_and_a_late_success_does_not_end_it() {
    let mut scene = Scene::new();
    let tickets = [(); 4].map(|()| scene.admit().unwrap());
    scene.limited(tickets[0], 26);
    scene.limited(tickets[1], 5);
    scene.ends(tickets[2], Outcome::Answered);
    scene.limited(tickets[3], 30);

    assert_eq!(scene.left(), 30);
}

#[test]
fn a_wait_beyond_belief_is_cut() {
    let mut scene = Scene::new();
    let ticket = scene.admit().unwrap();
    scene.limited(ticket, 999_999);

    assert_eq!(scene.left(), 3600);
}

#[test]
fn a_rate_limit_that_names_no_wait_rests_longer_each_time() {
    let mut scene = Scene::new();
    for expected in [4, 8, 10, 10] {
        scene.fails(ErrorKind::RateLimited);
        assert_eq!(scene.left(), expected);
        scene.later(expected);
    }
}

#[test]
fn single_failures_are_forgiven_and_a_row_of_them_is_not() {
    for kind in [ErrorKind::Overloaded, ErrorKind::Timeout, ErrorKind::Network] {
        let mut scene = Scene::new();
        scene.fails(kind);
        scene.fails(kind);
        let ticket = scene.admit().unwrap();
        scene.ends(ticket, Outcome::Answered);
        scene.fails(kind);
        scene.fails(kind);
        assert!(scene.admit().is_ok());
        scene.fails(kind);

        assert_eq!(scene.admit().unwrap_err().because.kind, kind);
    }
}

#[test]
fn after_a_rest_one_call_tries_and_the_others_wait_for_it() {
    let mut scene = Scene::new();
    (0..3).for_each(|_| scene.fails(ErrorKind::Overloaded));
    scene.later(4);

    let probe = scene.admit().unwrap();
    assert_eq!(scene.left(), 4, "one probe at a time");
    scene.ends(probe, Outcome::Failed(&Error::new(ErrorKind::Overloaded, "")));
    assert_eq!(scene.left(), 8, "longer than the first time");
    scene.later(8);
    let probe = scene.admit().unwrap();
    scene.ends(probe, Outcome::Answered);

    assert!(scene.admit().is_ok() && scene.admit().is_ok());
    (0..2).for_each(|_| scene.fails(ErrorKind::Overloaded));
    assert!(scene.admit().is_ok(), "all is forgiven");
}

#[test]
fn a_probe_whose_caller_goes_away_makes_room_for_another() {
    let mut scene = Scene::new();
    (0..3).for_each(|_| scene.fails(ErrorKind::Network));
    scene.later(4);

    let probe = scene.admit().unwrap();
    scene.ends(probe, Outcome::Abandoned);

    assert!(scene.admit().is_ok());
    assert!(scene.admit().is_err());
}

#[test]
fn what_a_person_has_to_fix_rests_at_once_and_long() {
    for kind in
        [ErrorKind::Unauthorized, ErrorKind::QuotaSpent, ErrorKind::ModelNotFound, ErrorKind::Misconfigured]
    {
        let mut scene = Scene::new();
        scene.fails(kind);

        let rest = scene.admit().unwrap_err();
        assert_eq!((rest.left.as_secs(), rest.because.kind), (60, kind));
        assert_eq!(rest.because.excerpt, "said");
    }
}

#[test]
fn a_poor_question_or_answer_says_nothing_against_the_service() {
    let mut scene = Scene::new();
    for kind in [
        ErrorKind::Refused,
        ErrorKind::TooLarge,
        ErrorKind::Blocked,
        ErrorKind::Truncated,
        ErrorKind::Malformed,
        ErrorKind::SchemaUnsupported,
    ] {
        (0..2).for_each(|_| scene.fails(ErrorKind::Overloaded));
        scene.fails(kind);
        assert!(scene.admit().is_ok());
    }
}

#[test]
fn an_overload_that_names_a_wait_rests_as_long_at_once() {
    let mut scene = Scene::new();
    let ticket = scene.admit().unwrap();
    let error = Error::new(ErrorKind::Overloaded, "").with_retry_after(Duration::from_secs(9));
    scene.ends(ticket, Outcome::Failed(&error));

    assert_eq!(scene.left(), 9);
}

#[test]
fn calls_that_fail_together_count_as_one_reason_to_rest() {
    let mut scene = Scene::new();
    let tickets = [(); 20].map(|()| scene.admit().unwrap());
    for ticket in tickets {
        scene.ends(ticket, Outcome::Failed(&Error::new(ErrorKind::Timeout, "")));
    }

    assert_eq!(scene.left(), 4);
}

#[test]
fn rests_without_end_are_as_long_as_the_clock_goes() {
    let settings = Cooldowns {
        failures: 1,
        first: Duration::MAX,
        longest: Duration::MAX,
        lasting: Duration::MAX,
        longest_told: Duration::MAX,
    };
    let told = |kind| Error::new(kind, "").with_retry_after(Duration::MAX);
    for error in [
        Error::new(ErrorKind::Unauthorized, ""),
        Error::new(ErrorKind::Overloaded, ""),
        told(ErrorKind::RateLimited),
        told(ErrorKind::Overloaded),
    ] {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        let ticket = breaker.admit(now, &settings).unwrap();

        breaker.settle(ticket, Outcome::Failed(&error), now, &settings, 1.0);

        assert!(breaker.admit(now + Duration::from_secs(24 * 3600), &settings).is_err(), "{error}");
    }
}

#[test]
fn jitter_adds_up_to_a_quarter() {
    let mut scene = Scene::new();
    for jitter in [0.3, 0.7, 1.0] {
        let ticket = scene.admit().unwrap();
        let error = Error::new(ErrorKind::Overloaded, "");
        scene.breaker.settle(ticket, Outcome::Failed(&error), scene.now, &SETTINGS, jitter);
    }

    assert_eq!(scene.admit().unwrap_err().left, Duration::from_secs(5));
}

#[derive(Debug, Clone)]
enum Step {
    Admit,
    Answer(usize),
    Fail(usize, ErrorKind, Option<u64>),
    Abandon(usize),
    Later(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop::sample::select(vec![
        ErrorKind::RateLimited,
        ErrorKind::Overloaded,
        ErrorKind::Timeout,
        ErrorKind::Unauthorized,
        ErrorKind::Refused,
    ]);
    let step = prop_oneof![
        3 => Just(Step::Admit),
        1 => any::<usize>().prop_map(Step::Answer),
        2 => (any::<usize>(), kind, prop::option::of(0_u64..100)).prop_map(|(at, kind, told)| Step::Fail(at, kind, told)),
        1 => any::<usize>().prop_map(Step::Abandon),
        1 => (0_u64..70).prop_map(Step::Later),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn whatever_happens_no_call_goes_out_before_a_told_wait_is_over_and_the_way_never_stays_shut(steps in steps()) {
        let mut scene = Scene::new();
        let mut under_way = Vec::new();
        let mut not_before = scene.now;
        for step in steps {
            let (at, outcome) = match step {
                Step::Admit => {
                    if let Ok(ticket) = scene.admit() {
                        prop_assert!(scene.now >= not_before, "sent against a cooldown");
                        under_way.push(ticket);
                    }
                    continue;
                }
                Step::Later(seconds) => {
                    scene.later(seconds);
                    continue;
                }
                Step::Answer(at) => (at, None),
                Step::Abandon(at) => (at, Some(None)),
                Step::Fail(at, kind, told) => (at, Some(Some((kind, told)))),
            };
            if under_way.is_empty() {
                continue;
            }
            let ticket = under_way.swap_remove(at % under_way.len());
            match outcome {
                None => scene.ends(ticket, Outcome::Answered),
                Some(None) => scene.ends(ticket, Outcome::Abandoned),
                Some(Some((kind, told))) => {
                    let error = Error::new(kind, "").with_retry_after(told.map(Duration::from_secs));
                    scene.ends(ticket, Outcome::Failed(&error));
                    if let (ErrorKind::RateLimited, Some(told)) = (kind, told) {
                        not_before = not_before.max(scene.now + Duration::from_secs(told));
                    }
                }
            }
        }
        for ticket in under_way {
            scene.ends(ticket, Outcome::Abandoned);
        }
        scene.later(4000);
        prop_assert!(scene.admit().is_ok());
    }
}
