//! A list that grows without being copied.

/// Values in the order in which they came.
#[derive(Debug)]
pub struct Pieces<T> {
    pieces: Vec<Vec<T>>,
}

/// Values of a piece.
const PIECE: usize = 1 << 16;

impl<T> Default for Pieces<T> {
    fn default() -> Self {
        Self { pieces: Vec::new() }
    }
}

impl<T: Copy + PartialEq> Pieces<T> {
    pub fn len(&self) -> usize {
        let last = self.pieces.last().map_or(0, Vec::len);
        self.pieces.len().saturating_sub(1) * PIECE + last
    }

    pub fn push(&mut self, value: T) {
        match self.pieces.last_mut() {
            Some(last) if last.len() < PIECE => last.push(value),
            // of small lists there are many
            None => self.pieces.push(vec![value]),
            Some(_) => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(value);
                self.pieces.push(piece);
            }
        }
    }

    pub fn get(&self, at: u32) -> Option<T> {
        let at = at as usize;
        self.pieces.get(at / PIECE)?.get(at % PIECE).copied()
    }

    pub fn from(&self, at: usize) -> impl Iterator<Item = T> {
        let within = move |piece: usize| if piece == at / PIECE { at % PIECE } else { 0 };
        let pieces = self.pieces.iter().enumerate().skip(at / PIECE);
        pieces.flat_map(move |(number, piece)| piece.iter().skip(within(number)).copied())
    }

    pub fn position(&self, wanted: T) -> Option<usize> {
        // Without a way out of the loop several values are compared at a time.
        let holds = |some: &[T]| some.iter().fold(false, |holds, value| holds | (*value == wanted));
        let some = self.pieces.iter().flat_map(|piece| piece.chunks(SOME));
        let (number, some) = some.enumerate().find(|(_, some)| holds(some))?;
        Some(number * SOME + some.iter().position(|value| *value == wanted)?)
    }
}

/// Values of a piece that are compared together; all pieces but the last are full.
const SOME: usize = 1 << 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_one_list() {
        let mut pieces = Pieces::default();
        let count = 2 * PIECE as u64 + 300;
        (0..count).for_each(|value| pieces.push(value));
        assert_eq!(pieces.len() as u64, count);
        let edges = [0, 1, SOME as u64, PIECE as u64 - 1, PIECE as u64, PIECE as u64 + 1, count - 1];
        for at in edges {
            assert_eq!(pieces.get(at as u32), Some(at));
            assert_eq!(pieces.position(at), Some(at as usize));
            assert!(pieces.from(at as usize).eq(at..count), "{at}");
        }
        assert_eq!((pieces.get(count as u32), pieces.position(count)), (None, None));
        assert_eq!(pieces.from(count as usize).next(), None);
    }
}
