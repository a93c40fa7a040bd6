//! LDIF files: entries, changes, closing blocks.

#[path = "../source.rs"]
mod source;

use provisiond::source::frame::Format;
use provisiond::source::frame::ldif::{LdifFormat, OptionRules};
use provisiond_fuzz::run;

const WORDS: &[&str] = &[
    "\n",
    "\r\n",
    "\n\n",
    "\n ",
    "\n\t",
    "\n#",
    "dn: ",
    "dn:: ",
    "version: 1\n",
    "changetype: modify\n",
    "changetype: add\n",
    "-\n",
    ";range=0-1",
    ";binary",
    ";deleted",
    ":: YQ==",
    ":< file:///x",
    "# numEntries: 3\n",
    "result: 4 x\n",
    "control: 1.2 true\n",
    "newrdn: o=y\n",
    "deleteoldrdn: 1\n",
    ",",
    "=",
    "\\",
    "\"",
    "+",
];

fn main() {
    let seeds = [
        "version: 1\n\n# one\ndn: uid=a,o=x\ncn;lang-ja:: 44GC\nmember;range=0-1: o=x\ndescription: folded\n  here\n\ndn:\no: x\n\n",
        "dn: o=x\r\nchangetype: modify\r\nadd: a\r\na: 1\r\n-\r\n\r\ndn: o=y\r\nchangetype: modrdn\r\nnewrdn: o=z\r\ndeleteoldrdn: 1\r\n",
        "dn: o=x\na: 1\n\nsearch: 2\nresult: 0 Success\n\n# numEntries: 1\n",
    ]
    .map(str::to_owned);
    run(&seeds, WORDS, |chance, input| {
        let rules = OptionRules { strip: vec!["adcsn".to_owned()], drop_if: vec!["deleted".to_owned()] };
        let options = (chance.below(2) == 0).then_some(rules);
        source::read_both_ways(chance, input, &Format::Ldif(LdifFormat { options, fallback: None }));
    });
}
