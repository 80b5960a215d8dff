select quire.raise_wall() as stands
