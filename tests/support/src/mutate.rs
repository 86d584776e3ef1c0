//! Random changes of known inputs: a small, seeded stand-in for a coverage-guided fuzzer.

/// Random numbers by counting (splitmix64): the same seed gives the same numbers everywhere.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, any 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// The next number below `end`, which is not zero.
    pub fn below(&mut self, end: usize) -> usize {
        let below = self.bits() % end as u64;
        usize::try_from(below).expect("it is below a usize")
    }
}

/// Changes inputs, mostly by what is in other inputs and in a dictionary.
#[derive(Debug)]
pub struct Mutator<'a> {
    inputs: &'a [Vec<u8>],
    dictionary: &'a [Vec<u8>],
    random: Random,
}

/// No input grows past this many bytes.
const INPUT_BYTES_MAX: usize = 4096;

impl<'a> Mutator<'a> {
    /// A mutator of `inputs`, of which there is at least one; `dictionary` may be empty.
    #[must_use]
    pub fn new(inputs: &'a [Vec<u8>], dictionary: &'a [Vec<u8>], seed: u64) -> Self {
        assert!(!inputs.is_empty(), "nothing to change");
        Self { inputs, dictionary, random: Random::new(seed) }
    }

    /// One of the inputs with one to eight changes.
    pub fn input(&mut self) -> Vec<u8> {
        let mut bytes = self.inputs[self.random.below(self.inputs.len())].clone();
        for _ in 0..=self.random.below(8) {
            self.change(&mut bytes);
        }
        bytes.truncate(INPUT_BYTES_MAX);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.random.below(bytes.len() + 1);
        let end = (at + 1 + self.random.below(16)).min(bytes.len());
        match self.random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.random.below(8),
            1 if at < bytes.len() => bytes[at] = self.random.bits().to_le_bytes()[0],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].repeat(1 + self.random.below(40));
                insert(bytes, at, &copy);
            }
            4 => {
                let other = &self.inputs[self.random.below(self.inputs.len())];
                let from = self.random.below(other.len() + 1);
                insert(bytes, at, &other[from..]);
            }
            _ if !self.dictionary.is_empty() => {
                let word = &self.dictionary[self.random.below(self.dictionary.len())];
                insert(bytes, at, word);
            }
            _ => {}
        }
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    bytes.splice(at..at, what.iter().copied());
}
