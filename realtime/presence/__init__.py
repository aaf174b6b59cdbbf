"""Who is there: members of rooms, and the online status of users."""
