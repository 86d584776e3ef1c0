//! Numbers that look random and are a pure function of seed, field and device.

/// The draws of one field: uniform in `[0, 1)`, one for each device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field(u64);

impl Field {
    fn new(seed: u64, name: &str) -> Self {
        Self(name.bytes().fold(mix(seed), |key, byte| mix(key ^ u64::from(byte))))
    }

    /// The draw for a device, or for a batch of devices.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn of(self, number: u64) -> f64 {
        let bits = mix(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(self.0));
        (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A draw among the whole numbers below `end`.
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub(super) fn below(self, end: u64, number: u64) -> u64 {
        (self.of(number) * end as f64) as u64
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// Every field that is drawn, with its key for one seed.
        #[derive(Debug)]
        pub(super) struct Fields { $(pub(super) $field: Field,)* }

        impl Fields {
            pub(super) fn new(seed: u64) -> Self {
                Self { $($field: Field::new(seed, $name),)* }
            }
        }
    };
}

fields! {
    building = "building",
    customer = "customer",
    region = "region",
    floor = "floor",
    floor_kind = "floor.kind",
    env = "env",
    location = "location",
    custom = "custom",
    firmware_desired = "firmware.desired",
    firmware_other = "firmware.other",
    firmware_same = "firmware.same",
    interval = "interval",
    interval_odd = "interval.odd",
    mode = "mode",
    mode_missing = "mode.missing",
    threshold = "threshold",
    threshold_int = "threshold.int",
    battery = "battery",
    battery_missing = "battery.missing",
    t1 = "t1",
    t2 = "t2",
    t3 = "t3",
    t4 = "t4",
    boot = "boot",
    net = "net",
    signal = "signal",
    errors = "errors",
    never = "never",
    connected = "connected",
    status = "status",
    desired_version = "dv",
    reported_version = "rv",
}
