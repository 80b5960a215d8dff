delete from quire.fold_refusal
where org_id = $1::uuid
and document_id = $2::uuid
