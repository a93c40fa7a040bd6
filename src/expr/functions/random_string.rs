use super::{Body, Class, Example, Function, Param, Presence, Type};
use crate::expr::context::Random;
use crate::expr::evaluate::{Arguments, Evaluated};
use crate::expr::value::Value;

const DIGITS: &str = "0123456789";
const SPECIAL: &str = "'-!\"#$%&()*,./:;?@[]^_`{|}~+<=>";
const CAPITAL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &str = "abcdefghijklmnopqrstuvwxyz";

const LONGEST: i64 = 256;

const NUMBER: Param = Param { ty: Type::Integer, ..Param::TEXT };

pub(super) static RANDOM_STRING: Function = Function {
    name: "RandomString",
    summary: "Returns a random text with a least number of characters of each kind.",
    params: &[
        Param { name: "length", doc: "Number of characters, at most 256.", ..NUMBER },
        Param { name: "minNumbers", doc: "Least number of digits.", ..NUMBER },
        Param { name: "minSpecial", doc: "Least number of special characters.", ..NUMBER },
        Param { name: "minCapital", doc: "Least number of capital letters.", ..NUMBER },
        Param { name: "minLower", doc: "Least number of small letters.", ..NUMBER },
        Param { name: "avoid", presence: Presence::Optional, doc: "Characters that must not occur.", ..Param::TEXT },
    ],
    class: Class::Random,
    notes: "What the minima leave is drawn from digits and letters, and from special characters when some are asked for.",
    examples: &[Example { expression: "IsPresent(RandomString(6,3,0,0,3))", source: "{}", gives: r#""True""# }],
    body: Body::Whole(random_string),
    ..Function::TEXT
};

fn random_string<'a>(args: &Arguments<'_, 'a>) -> Evaluated<'a> {
    let length = args.integer(0)?;
    let mut minima = [0; 4];
    for (index, least) in minima.iter_mut().enumerate() {
        *least = args.integer(index + 1)?;
        if *least < 0 {
            return Err(args.fail(format!("`{}` is below 0", args.parameter(index + 1))));
        }
    }
    let avoid = args.text(5)?.unwrap_or_default();
    if !(0..=LONGEST).contains(&length) {
        return Err(args.fail(format!("`length` is not between 0 and {LONGEST}")));
    }
    if minima.iter().fold(0, |sum: i64, least| sum.saturating_add(*least)) > length {
        return Err(args.fail("`length` is below the sum of the four minima"));
    }
    let random = args.context().random;
    let classes = [DIGITS, SPECIAL, CAPITAL, SMALL]
        .map(|class| class.chars().filter(|letter| !avoid.contains(*letter)).collect::<Vec<char>>());
    let mut letters = Vec::new();
    for (index, (class, least)) in classes.iter().zip(minima).enumerate() {
        if least > 0 && class.is_empty() {
            return Err(args.fail(format!("`avoid` leaves nothing for `{}`", args.parameter(index + 1))));
        }
        letters.extend((0..least).map(|_| pick(random, class)));
    }
    let special = usize::from(minima[1] > 0);
    let pool: Vec<char> = [&classes[0], &classes[2], &classes[3]]
        .into_iter()
        .chain([&classes[1]].into_iter().take(special))
        .flatten()
        .copied()
        .collect();
    let wanted = usize::try_from(length).unwrap_or_default();
    if letters.len() < wanted && pool.is_empty() {
        return Err(args.fail("`avoid` leaves no character to draw from"));
    }
    while letters.len() < wanted {
        letters.push(pick(random, &pool));
    }
    for last in (1..letters.len()).rev() {
        letters.swap(last, below(random, last + 1));
    }
    Ok(Value::Text(letters.into_iter().collect::<String>().into()))
}

fn pick(random: &dyn Random, class: &[char]) -> char {
    class[below(random, class.len())]
}

/// Draws evenly from `0..bound`, which is between 1 and 256, by rejecting the uneven end of a byte's range.
fn below(random: &dyn Random, bound: usize) -> usize {
    let even = 256 - 256 % bound;
    let mut byte = [0];
    loop {
        random.fill(&mut byte);
        if usize::from(byte[0]) < even {
            return usize::from(byte[0]) % bound;
        }
    }
}
