update quire.folder
set name = $3
where org_id = $1
and folder_id = $2
