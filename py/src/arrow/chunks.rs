//! A stream of plain arrays, as the C stream interface has them; the Arrow crate makes only
//! streams of record batches.
//!
//! Format: <https://arrow.apache.org/docs/format/CStreamInterface.html>.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::vec;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{ArrowError, DataType, Field};

/// What a stream owns.
struct Chunks {
    /// The type of the arrays, as a field without a name.
    field: Field,
    arrays: vec::IntoIter<ArrayRef>,
}

/// Anything but zero says that a call failed.
const FAILED: c_int = 5;

/// A stream of `arrays`, all of them of `kind`.
pub(super) fn stream(
    kind: &DataType,
    arrays: Vec<ArrayRef>,
) -> Result<FFI_ArrowArrayStream, ArrowError> {
    let field = Field::new("", kind.clone(), false);
    FFI_ArrowSchema::try_from(&field)?; // so that `get_schema` cannot fail later
    let owned = Box::new(Chunks { field, arrays: arrays.into_iter() });
    // SAFETY: the callbacks are written for the private data that they are given here, which
    // `release` frees once and then marks the stream as released.
    Ok(unsafe {
        FFI_ArrowArrayStream::new_unchecked(
            Some(get_schema),
            Some(get_next),
            Some(get_last_error),
            Some(release),
            Box::into_raw(owned).cast::<c_void>(),
        )
    })
}

/// What a stream owns, as long as it is not released.
///
/// # Safety
///
/// `stream` is a stream of this file that was not released, and nobody else uses it meanwhile.
unsafe fn owned<'s>(stream: *mut FFI_ArrowArrayStream) -> &'s mut Chunks {
    // SAFETY: the private data of such a stream is the `Chunks` that were leaked into it.
    unsafe { &mut *(*stream).private_data().cast::<Chunks>() }
}

unsafe extern "C" fn get_schema(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowSchema,
) -> c_int {
    // SAFETY: the consumer calls this only before the release, and one call after the other.
    let chunks = unsafe { owned(stream) };
    match FFI_ArrowSchema::try_from(&chunks.field) {
        Ok(schema) => {
            // SAFETY: `out` points to room for a schema, which holds nothing yet.
            unsafe { out.write(schema) };
            0
        }
        Err(_) => FAILED,
    }
}

unsafe extern "C" fn get_next(
    stream: *mut FFI_ArrowArrayStream,
    out: *mut FFI_ArrowArray,
) -> c_int {
    // SAFETY: the consumer calls this only before the release, and one call after the other.
    let chunks = unsafe { owned(stream) };
    // A released array marks the end.
    let next = chunks.arrays.next();
    let next =
        next.map_or_else(FFI_ArrowArray::empty, |array| FFI_ArrowArray::new(&array.to_data()));
    // SAFETY: `out` points to room for an array, which holds nothing yet.
    unsafe { out.write(next) };
    0
}

unsafe extern "C" fn get_last_error(_: *mut FFI_ArrowArrayStream) -> *const c_char {
    // The interface lets a stream know nothing about its errors.
    ptr::null()
}

unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: called once, with a stream of this file, which nobody uses any more. The private
    // data came from a box.
    unsafe {
        drop(Box::from_raw((*stream).private_data().cast::<Chunks>()));
        (*stream).set_release(None);
    }
}
