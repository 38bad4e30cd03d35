//! Several requests at once, a bounded number of them.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

/// Requests under way at once for one call.
const MOST: usize = 32;

/// Awaits all of them; the answers come in their order. The first error ends it, and the rest is not awaited.
pub(crate) async fn together<F, T, E>(futures: Vec<F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    stream::iter(futures).buffered(MOST).try_collect().await
}
