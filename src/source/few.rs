//! Lists that have one element, as a rule, which then needs no allocation.

use std::ops::{Deref, DerefMut};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Few<T> {
    One(T),
    /// None, or several.
    Many(Vec<T>),
}

impl<T> Few<T> {
    pub const fn new() -> Self {
        Self::Many(Vec::new())
    }

    pub fn push(&mut self, value: T) {
        *self = match std::mem::take(self) {
            Self::Many(list) if list.is_empty() => Self::One(value),
            Self::Many(mut list) => {
                list.push(value);
                Self::Many(list)
            }
            Self::One(first) => Self::Many(vec![first, value]),
        };
    }

    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(list) => list,
        }
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(list) => list,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self {
            Self::One(value) => std::slice::from_mut(value),
            Self::Many(list) => list,
        }
    }
}

impl<T> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut few = Self::new();
        few.extend(values);
        few
    }
}

impl<'f, T> IntoIterator for &'f Few<T> {
    type Item = &'f T;
    type IntoIter = std::slice::Iter<'f, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_few_is_a_list() {
        for count in 0..4 {
            let mut few: Few<usize> = (0..count).collect();
            assert_eq!(*few, *(0..count).collect::<Vec<_>>());
            few.push(9);
            assert_eq!((few.len(), few.last()), (count + 1, Some(&9)));
            assert_eq!(few.into_vec().len(), count + 1);
        }
    }
}
