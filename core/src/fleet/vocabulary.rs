//! What the values of a fleet are chosen from, and how often each is.

/// The cities of the buildings, each with its country.
#[rustfmt::skip]
pub(super) const CITIES: [(&str, &str); 40] = [
    ("Oslo", "NO"), ("Bergen", "NO"), ("Stockholm", "SE"), ("Malmo", "SE"),
    ("Copenhagen", "DK"), ("Helsinki", "FI"), ("Berlin", "DE"), ("Hamburg", "DE"),
    ("Munich", "DE"), ("Paris", "FR"), ("Lyon", "FR"), ("Madrid", "ES"),
    ("Barcelona", "ES"), ("Lisbon", "PT"), ("Rome", "IT"), ("Milan", "IT"),
    ("Vienna", "AT"), ("Zurich", "CH"), ("Warsaw", "PL"), ("Prague", "CZ"),
    ("London", "GB"), ("Leeds", "GB"), ("Dublin", "IE"), ("New York", "US"),
    ("Chicago", "US"), ("Austin", "US"), ("Seattle", "US"), ("Toronto", "CA"),
    ("Montreal", "CA"), ("Mexico City", "MX"), ("Sao Paulo", "BR"), ("Santiago", "CL"),
    ("Tokyo", "JP"), ("Osaka", "JP"), ("Seoul", "KR"), ("Singapore", "SG"),
    ("Sydney", "AU"), ("Melbourne", "AU"), ("Mumbai", "IN"), ("Bengaluru", "IN"),
];
pub(super) const REGIONS: [&str; 6] =
    ["emea-north", "emea-south", "us-east", "us-west", "apac", "latam"];
pub(super) const ENVS: [&str; 4] = ["prod", "staging", "test", "dev"];
pub(super) const MODES: [&str; 4] = ["auto", "eco", "comfort", "off"];
pub(super) const NETS: [&str; 5] = ["wifi", "lte", "ethernet", "lora", "nb-iot"];
pub(super) const INTERVALS: [u64; 5] = [60, 300, 30, 900, 10];
pub(super) const ERRORS: [&str; 8] =
    ["E101", "E102", "E207", "E310", "E404", "E512", "E600", "E777"];
pub(super) const BUILDINGS: usize = 200;
pub(super) const CUSTOMERS: usize = 5000;
pub(super) const FIRMWARES: usize = 30;
pub(super) const FLOORS: usize = 60;
/// Sparse tags, of which one device in twenty has one.
pub(super) const SPARSE: u64 = 40;

/// The weighted choices, made ready once.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub(super) building: Choice,
    pub(super) customer: Choice,
    pub(super) firmware: Choice,
    pub(super) floor: Choice,
    pub(super) env: Choice,
    pub(super) mode: Choice,
    pub(super) net: Choice,
    pub(super) interval: Choice,
    /// Firmware versions, newest first, since the newest is the commonest.
    pub(super) versions: Vec<String>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        let versions = (0..FIRMWARES)
            .map(|rank| format!("{}.{}.{}", 3 - rank / 10, 4 - rank / 2 % 5, 1 - rank % 2))
            .collect();
        Self {
            building: Choice::zipf(BUILDINGS, 0.8),
            customer: Choice::zipf(CUSTOMERS, 1.0),
            firmware: Choice::zipf(FIRMWARES, 1.1),
            floor: Choice::zipf(FLOORS, 0.5),
            env: Choice::new(&[80.0, 12.0, 6.0, 2.0]),
            mode: Choice::new(&[55.0, 25.0, 15.0, 5.0]),
            net: Choice::new(&[40.0, 25.0, 20.0, 10.0, 5.0]),
            interval: Choice::new(&[45.0, 25.0, 10.0, 10.0, 10.0]),
            versions,
        }
    }
}

/// A choice among ranks, the first the likeliest.
#[derive(Debug)]
pub(super) struct Choice {
    /// For each rank but the last, the share of all ranks up to it.
    shares: Vec<f64>,
    /// For each 256th of the draws, the first rank that it can give.
    starts: Vec<usize>,
}

impl Choice {
    fn new(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let shares: Vec<f64> = weights[..weights.len() - 1]
            .iter()
            .map(|weight| {
                sum += weight;
                sum / total
            })
            .collect();
        let starts = (0..256_u32)
            .map(|part| shares.partition_point(|share| *share <= f64::from(part) / 256.0))
            .collect();
        Self { shares, starts }
    }

    #[expect(clippy::cast_precision_loss, reason = "a few thousand ranks are exact")]
    fn zipf(ranks: usize, exponent: f64) -> Self {
        let weights: Vec<f64> = (1..=ranks).map(|rank| (rank as f64).powf(-exponent)).collect();
        Self::new(&weights)
    }

    /// The rank for a draw from `[0, 1)`.
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn rank(&self, draw: f64) -> usize {
        let part = (draw * 256.0) as usize;
        let start = self.starts[part];
        let end = self.starts.get(part + 1).map_or(self.shares.len(), |end| *end);
        start + self.shares[start..end].partition_point(|share| *share <= draw)
    }
}
