"""What a block of work takes: seconds, kilowatt-hours with how they are known, and CO2e by electricity grid."""
