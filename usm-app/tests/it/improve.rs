//! `usm improve` from names of stories to what became of each, without AI and with a model that answers well or badly.

use serde_json::{Value, json};
use usm_ai::testing::{FakeAi, Reply};

use crate::support::{Place, Said};

const SHOP: &str = "# Shop\n## Map\n### Order\n#### Pay\n- **Choose a plan and pay by card** · MVP · Customer\n\n  \
                    As a customer, I want to choose a plan and pay by card. A plan can be left within 14 days.\n  - [ ] The payment is confirmed\n  - [ ] A voucher is \
                    used once\n- **Get a receipt** · MVP · Customer\n\n  As a customer, I want to get a receipt. Only a paid order has one.\n  - [ ] The \
                    receipt has the sum\n";

/// A directory with two stories as project 1.
async fn shop() -> Place {
    let place = Place::new();
    let said = place.run_on(&["import", "-"], SHOP).await;
    assert_eq!(said.out, "project 1: Shop, 1 activities, 1 tasks, 2 stories\n", "{}", said.err);
    place
}

async fn stories(place: &Place) -> Vec<Value> {
    let said = place.run(&["export", "1", "--format", "json"]).await;
    let map: Value = serde_json::from_str(&said.out).unwrap();
    map["activities"][0]["tasks"][0]["stories"].as_array().unwrap().clone()
}

#[track_caller]
fn refused(said: &Said, parts: &[&str]) {
    assert_eq!(said.code, Some(2), "{} {}", said.out, said.err);
    assert!(parts.iter().all(|part| said.err.contains(part)), "{}", said.err);
    assert!(!said.err.contains("is queued"), "{}", said.err);
}

#[tokio::test]
async fn stories_are_named_as_the_check_numbers_them_or_by_their_ids() {
    let place = shop().await;
    let before = stories(&place).await;

    let said = place.run(&["improve", "1:1.1.2", "1", "2", "--action", "criteria"]).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    let lines: Vec<&str> = said.out.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(lines.len(), 2, "{}", said.out);
    assert!(said.out.contains("\n    + [ ] ") && !said.out.contains("\n    - "), "{}", said.out);
    assert!(lines[0].ends_with(" (offline)") && said.err.contains("usm improve --undo 2 1"), "{}", said.err);
    assert!(lines[0].starts_with("2  improved  Get a receipt: "), "{}", said.out);
    assert!(lines[1].starts_with("1  improved  Choose a plan and pay by card: "), "{}", said.out);
    for (before, after) in before.iter().zip(stories(&place).await) {
        let count = |story: &Value| story["acceptance_criteria"].as_array().unwrap().len();
        assert!(count(&after) > count(before), "{after}");
    }
}

#[tokio::test]
async fn each_action_says_what_it_did_and_again_that_nothing_is_left_to_do() {
    let place = shop().await;

    for action in ["details", "criteria", "edge_cases"] {
        let first = place.run(&["improve", "1:1.1.1", "--action", action]).await;
        let again = place.run(&["improve", "1:1.1.1", "--action", action, "--json"]).await;

        assert_eq!(first.code, Some(0), "{action} {}", first.err);
        let again: Value = serde_json::from_str(&again.out).unwrap();
        assert_eq!(
            (&again["stories"][0]["outcome"], &again["unchanged_count"]),
            (&"unchanged".into(), &1.into())
        );
    }
}

#[tokio::test]
async fn one_story_is_split_and_its_parts_follow_one_another() {
    let place = shop().await;

    let said = place.run(&["improve", "1:1.1.1", "--action", "split"]).await;

    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("1  improved") && said.out.contains("added: 3"), "{}", said.out);
    let titles: Vec<String> =
        stories(&place).await.iter().map(|story| story["title"].as_str().unwrap().to_owned()).collect();
    assert_eq!((titles.len(), titles[2].as_str()), (3, "Get a receipt"), "{titles:?}");
}

#[tokio::test]
async fn what_cannot_be_improved_is_refused_before_there_is_a_job() {
    let place = shop().await;

    for (stories, parts) in [
        (&["999"][..], &["no story 999"][..]),
        (
            &["1", "1:1.1.9"],
            &["project 1 has no story 1.1.9: stories in task 1.1: 2", "usm export 1 --format html"],
        ),
        (&["1:1.7.1"], &["project 1 has no story 1.7.1: tasks in activity 1: 1"]),
        (&["1:9.9.9"], &["project 1 has no story 9.9.9: activities in the map: 1"]),
        (&["1:1.1"], &["1:1.1", "PROJECT:NUMBER"]),
        (&["1:1.1.1.1"], &["1:1.1.1.1", "PROJECT:NUMBER"]),
        (&["1:1.1.1.garbage"], &["1:1.1.1.garbage", "PROJECT:NUMBER"]),
        (&["1:+1.01.1"], &["1:+1.01.1", "PROJECT:NUMBER"]),
        (&["+1"], &["+1", "PROJECT:NUMBER"]),
        (&["1", "2", "--action", "split"], &["split one at a time", "--action split"]),
        (&["pay"], &["pay", "PROJECT:NUMBER"]),
        (&["0"], &["PROJECT:NUMBER"]),
        (&["1", "--action", "better"], &["better", "edge_cases"]),
    ] {
        let args = [&["improve"], stories].concat();
        refused(&place.run(&args).await, parts);
    }
    let numbered = place.run(&["export", "1", "--format", "html"]).await;
    assert!(numbered.out.contains("1.1.2"), "the hint is true");
    let unknown = place.run(&["improve", "7:1.1.1"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("no project 7; the newest are 1 (Shop)"), "{}", unknown.err);
    let jobs = place.run(&["job", "list"]).await;
    assert!(!jobs.out.contains("bulk_improve"), "{}", jobs.out);
}

#[tokio::test]
async fn ten_stories_at_a_time_are_the_most() {
    let place = Place::new();
    let stories: String = (1..=11).map(|n| format!("- Report {n}\n")).collect();
    let text = format!("# Shop\n## Map\n### Sell\n#### Report\n{stories}");
    place.run_on(&["import", "-"], &text).await;
    let names: Vec<String> = (1..=11).map(|n| format!("1:1.1.{n}")).collect();
    let args: Vec<&str> = std::iter::once("improve").chain(names.iter().map(String::as_str)).collect();

    refused(&place.run(&args).await, &["1 to 10 stories", "there are 11"]);
    let ten = place.run(&args[..11]).await;

    assert_eq!(
        (ten.code, ten.out.lines().filter(|line| !line.starts_with(' ')).count()),
        (Some(0), 10),
        "{}",
        ten.err
    );
}

/// A directory with the two stories and a model that always answers this.
async fn shop_with(answer: Value) -> (Place, FakeAi) {
    let ai = FakeAi::always(Reply::json(answer)).await.unwrap();
    (shop().await.with_ai(ai.base_url()), ai)
}

#[tokio::test]
async fn an_improvement_is_shown_before_and_after_and_can_be_taken_back() {
    let criteria =
        ["The payment is confirmed within 3 s", "A voucher is used once", "A refused card is told"];
    let better = json!({
        "title": "Choose a plan and pay by card at once", "acceptance_criteria": criteria, "suggestion": "The time is named",
    });
    let (place, _ai) = shop_with(better).await;
    let before = stories(&place).await;

    let improved = place.run(&["improve", "1:1.1.1"]).await;
    let after = stories(&place).await;
    let undone = place.run(&["improve", "--undo", "1:1.1.1"]).await;

    assert_eq!(
        improved.out,
        "1  improved  Choose a plan and pay by card at once: The time is named (openai/fake-model)\n    \
         - Choose a plan and pay by card\n    + Choose a plan and pay by card at once\n    - [ ] The payment is confirmed\n    \
         + [ ] The payment is confirmed within 3 s\n    + [ ] A refused card is told\n",
        "{}",
        improved.err
    );
    assert!(improved.err.contains("`usm improve --undo 1` takes it back"), "{}", improved.err);
    assert_ne!(before, after);
    assert_eq!(undone.code, Some(0), "{}", undone.err);
    assert!(
        undone.out.starts_with("1  restored  Choose a plan and pay by card (by person)\n"),
        "{}",
        undone.out
    );
    assert_eq!(stories(&place).await, before);
    place.run(&["improve", "--undo", "1"]).await;
    assert_eq!(stories(&place).await, after, "and once more brings it back");
    let nothing = place.run(&["improve", "--undo", "2"]).await;
    assert!(nothing.code == Some(2) && nothing.err.contains("earlier text"), "{}", nothing.err);
}

#[tokio::test]
async fn a_story_is_never_overwritten_with_less() {
    for poor in ["N/A", "TBD", "x", "string", "..."] {
        let answer = json!({ "title": poor, "description": "As a customer", "acceptance_criteria": [poor] });
        let (place, _ai) = shop_with(answer).await;
        let before = stories(&place).await;

        let said = place.run(&["improve", "1:1.1.1"]).await;

        assert!(
            said.out.starts_with("1  unchanged Choose a plan and pay by card: openai/fake-model"),
            "{}",
            said.out
        );
        assert_eq!(stories(&place).await, before, "{poor}");
    }
}

#[tokio::test]
async fn who_wishes_for_less_gets_it() {
    let answer =
        json!({ "title": "Pay", "description": "Pay by card", "acceptance_criteria": ["It is confirmed"] });
    let (place, ai) = shop_with(answer).await;

    let said = place.run(&["improve", "1:1.1.1", "--prompt", "make it as short as you can"]).await;

    assert_eq!((said.code, &stories(&place).await[0]["title"]), (Some(0), &"Pay".into()), "{}", said.err);
    assert!(
        ai.requests()[0].body["messages"].to_string().contains("Do it, as far as it is about this story")
    );
}

#[tokio::test]
async fn a_model_that_declines_fails_the_job_in_its_own_words_and_the_offline_draft_is_offered() {
    let ai = FakeAi::always(Reply::text("I'm sorry, but I can't help with that.")).await.unwrap();
    let place = shop().await.with_ai(ai.base_url()).with("WORKER_MAX_RETRIES", "1");

    let said = place.run(&["improve", "1"]).await;

    assert_eq!(said.code, Some(1), "{}", said.out);
    for part in ["I'm sorry, but I can't help with that.", "offline draft", "--offline"] {
        assert!(said.err.contains(part), "{part} in {}", said.err);
    }
}
