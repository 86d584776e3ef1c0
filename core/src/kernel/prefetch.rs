//! Asking for memory before it is needed.
#![expect(unsafe_code, reason = "`./x bench point` and `./x bench ids` wait less for memory")]

/// Asks the processor to bring the cache line of `items[place]` near, if there is such an item.
///
/// It is worth something where many places far apart are read soon, since a processor waits for
/// only a few of them at once by itself.
#[inline]
pub fn prefetch<T>(items: &[T], place: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = items.get(place) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, place);
}
