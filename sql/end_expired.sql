select quire.end_expired() as ended
