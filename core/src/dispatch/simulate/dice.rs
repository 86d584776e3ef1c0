//! Draws that depend on a seed and a text alone, the same on every machine and in every version.

use std::f64::consts::TAU;

/// Random numbers that belong to one text.
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    pub(super) fn new(seed: u64, text: &str) -> Self {
        Self { state: Self::hash(seed, text) }
    }

    /// Not a hash of a map: those of libraries may change, and this one names outcomes.
    pub(super) fn hash(seed: u64, text: &str) -> u64 {
        let mut state = mix(seed ^ (text.len() as u64).wrapping_mul(GOLDEN));
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            state = mix(state ^ u64::from_le_bytes(word));
        }
        state
    }

    /// From 0 up to, not including, 1.
    pub(super) fn share(&mut self) -> f64 {
        self.state = self.state.wrapping_add(GOLDEN);
        (mix(self.state) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From the normal distribution, by the method of Box and Muller (1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (TAU * self.share()).cos()
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn draws_never_change() {
        let mut dice = Dice::new(7, "device-000123");
        let shares = [dice.share(), dice.share(), dice.share()];
        assert_eq!(shares, [0.2341869353257512, 0.20447147216263062, 0.1370900030829445]);
        assert_eq!(Dice::hash(0, ""), 0);
        assert_ne!(Dice::hash(0, "a"), Dice::hash(0, "a\0"));
    }

    #[test]
    fn normal_draws_have_the_middle_and_the_tail_they_should() {
        let mut dice = Dice::new(1, "");
        let draws: Vec<f64> = (0..100_000).map(|_| dice.normal()).collect();
        let below = |limit: f64| draws.iter().filter(|draw| **draw < limit).count() as f64 / 1e5;
        assert!((below(0.0) - 0.5).abs() < 0.01, "{}", below(0.0));
        assert!((below(super::super::NORMAL_P99) - 0.99).abs() < 0.002);
    }
}
