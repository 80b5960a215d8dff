update quire.folder
set parent_id = $3
where org_id = $1
and folder_id = $2
