//! The tables of ownership. Each has conditional writes only, or plain ones only (`node_fence`), never both.

/// Where the version of the schema is kept, and who changes it now. It comes before all else, outside of the versions.
pub(super) const STATE: &str = "CREATE TABLE IF NOT EXISTS $control.schema_state (name text PRIMARY KEY, \
     version int, step int, holder uuid, lease bigint)";

/// Version 1.
pub(super) const TABLES: &[&str] = &[
    // One life of a node. `lease` counts renewals, `ts_ceil` bounds its write timestamps; dead is final.
    "CREATE TABLE IF NOT EXISTS $control.nodes (cluster text, inc uuid, name text, addr text, weight int, \
     state text, lease_seq bigint, ts_ceil bigint, PRIMARY KEY ((cluster, inc)))$small",
    "CREATE TABLE IF NOT EXISTS $control.roster (cluster text PRIMARY KEY, version bigint, incs set<uuid>, \
     reads text)$small",
    // Plain writes at a majority. A row stays for ever: it is what a node reads that wakes up after years.
    "CREATE TABLE IF NOT EXISTS $control.node_fence (inc uuid PRIMARY KEY, fenced_by uuid, \
     fenced_at timestamp)$small",
    "CREATE TABLE IF NOT EXISTS $control.node_ids (cluster text, id int, name text, inc uuid, ms_ceil bigint, \
     PRIMARY KEY ((cluster), id))$small",
    "CREATE TABLE IF NOT EXISTS $control.shards (cluster text, bucket smallint, shard smallint, owner uuid, \
     epoch bigint, crash_epoch bigint, ts_floor bigint, unfenced set<uuid>, \
     PRIMARY KEY ((cluster, bucket), shard))$small",
];
