//! The end of a record as most are: short, and with one kind of line end or two, but no others.

use pulp::{Arch, NullaryFnOnce};

use crate::source::bits::{BLOCK, bits_of};

/// Where a record ends that data begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NearEnd {
    /// Of the record, without the end of its last line.
    pub length: usize,
    /// With the empty line behind it.
    pub whole: usize,
    /// The empty one too.
    pub lines: u64,
}

impl NearEnd {
    /// Finds it; none if it is not there in whole blocks, or if several CRs stand side by side before it.
    pub fn of(data: &[u8]) -> Option<Self> {
        Arch::new().dispatch(Find { data })
    }
}

/// A search, by what the processor can do.
struct Find<'d> {
    data: &'d [u8],
}

impl NullaryFnOnce for Find<'_> {
    type Output = Option<NearEnd>;

    #[inline(always)]
    fn call(self) -> Option<NearEnd> {
        let mut lines = 0;
        // of the block before
        let (mut last_ends, mut last_returns) = (0, 0);
        for (block, from) in self.data.as_chunks::<BLOCK>().0.iter().zip((0..).step_by(BLOCK)) {
            let (ends, returns) = (bits_of(block, b'\n'), bits_of(block, b'\r'));
            let behind = |bits: u64, last: u64, count: usize| bits << count | last >> (BLOCK - count);
            let behind_return = behind(returns, last_returns, 1);
            let is_empty = ends & (behind(ends, last_ends, 1) | behind_return & behind(ends, last_ends, 2));
            let are_two = returns & behind_return;
            if is_empty | are_two != 0 {
                let at = is_empty.trailing_zeros() as usize;
                let before = 1_u64.checked_shl(at as u32).map_or(u64::MAX, |bit| bit - 1);
                if are_two & before != 0 {
                    return None;
                }
                lines += u64::from((ends & before).count_ones()) + 1;
                let whole = from + at + 1;
                let returns = usize::from(behind_return >> at & 1 != 0);
                return Some(NearEnd { length: whole - 2 - returns, whole, lines });
            }
            lines += u64::from(ends.count_ones());
            (last_ends, last_returns) = (ends, returns);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Octet by octet.
    fn expected(data: &[u8]) -> Option<NearEnd> {
        let mut lines = 0;
        for (at, _) in data.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            lines += 1;
            let returns = data[at + 1..].iter().take_while(|byte| **byte == b'\r').count();
            if data.get(at + 1 + returns) == Some(&b'\n') {
                let found = NearEnd { length: at, whole: at + 2 + returns, lines: lines + 1 };
                let is_plain = !data[..found.whole].windows(2).any(|two| two == b"\r\r");
                return is_plain.then_some(found);
            }
            if returns > 1 {
                return None;
            }
        }
        None
    }

    #[test]
    fn the_end_is_found_wherever_it_is() {
        let more = "dn: b\n".repeat(BLOCK);
        let (mut found, mut none) = (0, 0);
        for (length, with) in (0..300).flat_map(|length| [0, 1, 2, 3].map(|with| (length, with))) {
            for end in ["\n\n", "\n\r\n", "\r\n\r\n", "\n\r\r\n", "\r\r\n\n", "\r\n", "\n", "\r\n\n"] {
                for behind in ["", "\n", "dn: b\n\nc", &more] {
                    let line = ["a: b", "a: b\nc: d", "a: b\r\nc: d", "a\rb\n"][with].to_owned() + &"x".repeat(length);
                    let data = [line.as_str(), end, behind].concat();
                    let expected = expected(&data.as_bytes()[..data.len() / BLOCK * BLOCK]);
                    if expected.is_some() {
                        found += 1
                    } else {
                        none += 1
                    }
                    assert_eq!(NearEnd::of(data.as_bytes()), expected, "{data:?}");
                }
            }
        }
        assert!(found > 5000 && none > 5000, "{found} {none}");
    }
}
