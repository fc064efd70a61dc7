"""The gallery: Parquet shards and ledger on any filesystem that Beam knows, embeddings in Milvus."""
