//! Every limit of the engine in one place, each with its source.
//!
//! Twin, method and job limits are those that Azure IoT Hub documents ("Understand and use device
//! twins", "Understand and invoke direct methods", "Schedule jobs on multiple devices", read in
//! 2026). Those of the query language are wider than the documented 8,192 characters, since an
//! embedded engine is asked for `deviceId IN [...]` with a hundred thousand ids.

/// Characters of a device id: 1 to this many.
pub const DEVICE_ID_CHARS: usize = 128;
/// Characters of a job id: 1 to this many.
pub const JOB_ID_CHARS: usize = 64;
/// UTF-8 bytes of a key in a twin.
pub const KEY_BYTES: usize = 1024;
/// UTF-8 bytes of a string value in a twin.
pub const STRING_BYTES: usize = 4096;
/// The least integer in a twin.
pub const INTEGER_MIN: i64 = -4_503_599_627_370_496;
/// The greatest integer in a twin.
pub const INTEGER_MAX: i64 = 4_503_599_627_370_495;
/// Levels of nested objects below tags, desired or reported; arrays count as levels too.
pub const TWIN_DEPTH: usize = 10;
/// Size of all tags of a twin, counted as `twin::size` says.
pub const TAGS_BYTES: u64 = 8 * 1024;
/// Size of all desired properties of a twin.
pub const DESIRED_BYTES: u64 = 32 * 1024;
/// Size of all reported properties of a twin.
pub const REPORTED_BYTES: u64 = 32 * 1024;
/// Bytes of one line of NDJSON: a twin whose three sections are full, escaped, with metadata.
pub const LINE_BYTES: usize = 4 * 1024 * 1024;
/// Distinct paths of a hub. Each costs about a kilobyte, so this bounds what odd keys can take.
pub const PATHS: usize = 1 << 20;

/// Bytes of a method's payload, each way.
pub const METHOD_PAYLOAD_BYTES: usize = 128 * 1024;
/// Characters of a method's name: 1 to this many.
pub const METHOD_NAME_CHARS: usize = 128;
/// Seconds that a device may take to answer: least, greatest.
pub const RESPONSE_TIMEOUT_SECONDS: (u64, u64) = (5, 300);
/// Seconds that a device may take to connect: least, greatest.
pub const CONNECT_TIMEOUT_SECONDS: (u64, u64) = (0, 300);
/// Seconds that a job may run unless it says otherwise.
pub const EXECUTION_SECONDS_DEFAULT: u64 = 3600;
/// Days that a finished job is kept unless configured.
pub const RETENTION_DAYS_DEFAULT: u64 = 30;

/// Bytes of a condition or query text.
pub const QUERY_BYTES: usize = 16 * 1024 * 1024;
/// Nesting depth of a condition: parentheses, NOT, unary signs and calls.
pub const QUERY_DEPTH: usize = 100;
/// Operands of a condition outside `IN` lists: comparisons, calls, terms.
pub const QUERY_TERMS: usize = 10_000;
/// Items of one `IN` list.
pub const IN_ITEMS: usize = 1_000_000;
/// Bytes of a string that CONCAT may build.
pub const CONCAT_BYTES: usize = 64 * 1024;
/// Items of a SELECT list or a GROUP BY.
pub const SELECT_ITEMS: usize = 256;
