select quire.act_in($1)
