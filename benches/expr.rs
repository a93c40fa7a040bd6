//! Expressions against the same work written by hand, as ratios taken in one run.
//!
//! `cargo bench --bench expr` prints, for each expression, nanoseconds of both sides and their ratio with the goal.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

use provisiond::expr::{Context, DateTime, Expression, Input, Outcome, Record, SeededRandom, Slots, compile};

/// How long one side is measured at a time: short, so that some slices meet a quiet machine.
const SLICE: Duration = Duration::from_millis(4);
/// Slices of both sides in turn; the least time of each counts.
const ROUNDS: usize = 200;

struct Person {
    given_name: String,
    surname: String,
    is_soft_deleted: String,
    mobile: String,
}

fn people() -> Vec<Person> {
    (0..1000)
        .map(|number| Person {
            given_name: format!("Given{number}"),
            surname: format!("Surname{}", number * 7),
            is_soft_deleted: if number % 9 == 0 { "True" } else { "False" }.to_owned(),
            mobile: format!("+81 ({:03}) {:04}-{:04}", number % 1000, number * 3 % 10_000, number * 11 % 10_000),
        })
        .collect()
}

/// Nanoseconds a call of both sides takes.
fn measure(count: usize, mut ours: impl FnMut(usize), mut by_hand: impl FnMut(usize)) -> (f64, f64) {
    let slice = |work: &mut dyn FnMut(usize)| {
        let start = Instant::now();
        let mut calls = 0u32;
        while start.elapsed() < SLICE {
            for index in 0..count {
                work(index);
            }
            calls += u32::try_from(count).expect("the table of people is small");
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    let mut least = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        least.0 = least.0.min(slice(&mut ours));
        least.1 = least.1.min(slice(&mut by_hand));
    }
    least
}

fn main() {
    let people = people();
    let context = Context {
        now: DateTime::from(jiff::Timestamp::UNIX_EPOCH),
        random: &SeededRandom::new([0; 32]),
        uniqueness: &|_: &str| Ok(false),
    };
    let mut slots = Slots::new();
    let mut compiled = |text: &str| -> Expression {
        compile(text, &mut slots, None).unwrap_or_else(|faults| panic!("{text}: {faults:?}"))
    };
    let join = compiled(r#"Join(" ", [givenName], [surname])"#);
    let switch = compiled(r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#);
    let replace = compiled(r#"Replace([mobile], , "[()\\s-]+", , "", , )"#);
    let records: Vec<Record<'_>> = people
        .iter()
        .map(|person| {
            Record::new(&slots, |name| match name {
                "givenName" => Input::Text(&person.given_name),
                "surname" => Input::Text(&person.surname),
                "IsSoftDeleted" => Input::Text(&person.is_soft_deleted),
                "mobile" => Input::Text(&person.mobile),
                _ => Input::Null,
            })
        })
        .collect();
    let ours = |expression: &'static str, compiled: &Expression, index: usize| {
        let outcome = compiled.evaluate(black_box(&records[index]), &context);
        match outcome {
            Ok(Outcome::Value(value)) => drop(black_box(value)),
            other => panic!("{expression}: {other:?}"),
        }
    };
    let pattern = regex::Regex::new(r"[()\s-]+").expect("the pattern is sound");
    let mut met = true;
    let mut report = |name: &str, goal: f64, (ours, by_hand): (f64, f64)| {
        let ratio = ours / by_hand;
        met &= ratio <= goal;
        println!("{name:10} {ours:8.1} ns, by hand {by_hand:8.1} ns: {ratio:5.2}x (goal {goal}x)");
    };
    let by_hand_join = |index: usize| {
        let person = black_box(&people[index]);
        let mut text = String::with_capacity(person.given_name.len() + 1 + person.surname.len());
        text.push_str(&person.given_name);
        text.push(' ');
        text.push_str(&person.surname);
        drop(black_box(text));
    };
    report("Join", 3.0, measure(people.len(), |index| ours("Join", &join, index), by_hand_join));
    let by_hand_switch = |index: usize| {
        let person = black_box(&people[index]);
        let text = match person.is_soft_deleted.as_str() {
            "False" => Some("True"),
            "True" => Some("False"),
            _ => None,
        };
        drop(black_box(text.map(str::to_owned)));
    };
    report("Switch", 3.0, measure(people.len(), |index| ours("Switch", &switch, index), by_hand_switch));
    let by_hand_replace = |index: usize| {
        let text: Cow<'_, str> = pattern.replace_all(black_box(&people[index].mobile), "");
        drop(black_box(text));
    };
    report("Replace", 1.3, measure(people.len(), |index| ours("Replace", &replace, index), by_hand_replace));
    println!("{}", if met { "every goal is met" } else { "a goal is missed" });
}
